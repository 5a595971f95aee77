<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** Sends what waits in the queue, row by row, until it is empty, the time is up or LeadHub is away. */
final class QueueSender
{
    /**
     * @param int   $rows    the most that are sent
     * @param float $seconds after which no further row is begun
     * @param int   $timeout seconds for one request
     * @return int how many LeadHub took
     */
    public static function run(int $rows, float $seconds, int $timeout): int
    {
        $sent = 0;
        $ends = microtime(true) + $seconds;
        if (Settings::isConnected() && !QueueState::isPaused() && self::knowWorkspace($timeout)) {
            for ($tried = 0; $tried < $rows && microtime(true) < $ends; $tried++) {
                $row = QueueTable::claimDue(time());
                if (!$row) {
                    break;
                }
                if (!self::renew($row)) {
                    continue;
                }
                $answer = self::send($row, $timeout);
                if (!self::settle($row, $answer)) {
                    break;
                }
                $sent += (int) $answer->isStored();
            }
        }
        if ($sent) {
            QueueState::succeed();
        }
        QueueState::noteNextDue();
        return $sent;
    }

    /** Give up what waited for the chosen days, and delete what was settled for as long. */
    public static function tidy(): void
    {
        QueueTable::install();
        $before = time() - DAY_IN_SECONDS * (int) Settings::preferences()['keep_days'];
        QueueTable::giveUpBefore($before);
        QueueState::count('removed', QueueTable::deleteBefore($before));
        QueueState::noteNextDue();
    }

    /** Use the present mapping for what the operator wants to be tried again. Returns whether it can be sent. */
    private static function renew(object $row): bool
    {
        if (!(int) $row->is_outdated || (string) $row->entry === '') {
            return true;
        }
        try {
            $payload = StoredEntry::payload($row->entry);
            $withheld = __('The form’s present mapping keeps this entry from LeadHub.', 'leadhub');
            $problem = $payload === null ? $withheld : $payload->problem;
        } catch (\Throwable $error) {
            $payload = null;
            $problem = get_class($error) . ': ' . $error->getMessage();
        }
        if ($payload !== null) {
            QueueTable::replacePayload((int) $row->id, $payload);
            $row->payload = $payload->text;
            $row->form_number = $payload->formNumber;
        }
        if ($problem !== '') {
            QueueTable::refuse((int) $row->id, $problem);
        }
        return $problem === '';
    }

    private static function send(object $row, int $timeout): ApiAnswer
    {
        if ((int) $row->form_number > 0) {
            return LeadHubApi::submitForm((int) $row->form_number, $row->payload, $row->entry_key, $timeout);
        }
        return LeadHubApi::submitLead($row->payload, Settings::workspace(), $row->entry_key, $timeout);
    }

    /** Act on an answer. Returns whether the next row may be tried now. */
    private static function settle(object $row, ApiAnswer $answer): bool
    {
        $id = (int) $row->id;
        if ($answer->isStored()) {
            QueueTable::markSent($id);
            return true;
        }
        $problem = $answer->problem();
        if ($answer->isFinal((int) $row->form_number > 0)) {
            QueueTable::refuse($id, $problem);
            QueueState::noteError($problem);
            return true;
        }
        QueueState::noteKey($answer);
        if ($answer->status === 403) {
            Settings::saveWorkspace(''); // the key may be of another workspace by now
        }
        QueueTable::postpone($id, $problem, QueueState::fail($problem, $answer->retryAfter));
        return false;
    }

    /** Whether the slug of the key's workspace is known. It is asked for once. */
    private static function knowWorkspace(int $timeout): bool
    {
        if (Settings::workspace() !== '') {
            return true;
        }
        if (QueueTable::nextDueAt() === 0) {
            return false; // nothing waits
        }
        $answer = LeadHubApi::showKey($timeout);
        $slug = $answer->data['data']['workspace']['slug'] ?? '';
        if (!$answer->isSuccess() || !is_string($slug) || $slug === '') {
            QueueState::noteKey($answer);
            QueueState::fail($answer->problem(), $answer->retryAfter);
            return false;
        }
        Settings::saveWorkspace($slug);
        return true;
    }
}
