<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** Takes an entry of a form: into the queue, once. Nothing is sent here. */
final class EntryIntake
{
    private const REPEAT_SECONDS = 600;

    /** No mistake of ours, and no strange entry, may break the form of the site. */
    public static function receive(FormEntry $entry): void
    {
        try {
            self::queue($entry);
        } catch (\Throwable $error) {
            QueueState::count('not_queued', 1);
            QueueState::noteError(get_class($error) . ': ' . $error->getMessage());
        }
    }

    /** An entry whose arguments are of another shape than we know: say so, since LeadHub never gets it. */
    public static function noteUnreadable(string $plugin, \Throwable $error): void
    {
        QueueState::count('not_queued', 1);
        QueueState::noteError($plugin . ': ' . $error->getMessage());
    }

    private static function queue(FormEntry $entry): void
    {
        FormRegistry::note($entry);
        if (!FormRegistry::isForwarded($entry->formKey())) {
            return;
        }
        $attribution = Visit::attribution($entry->page);
        $payload = EntryPayload::make($entry, $attribution);
        $key = $payload === null ? null : self::entryKey($entry);
        if ($key === null) {
            return;
        }
        if (QueueTable::isFull()) {
            QueueState::count('not_queued', 1);
            return;
        }
        if (!QueueTable::add($key, $entry->formKey(), $payload, StoredEntry::write($entry, $attribution))) {
            return;
        }
        QueueState::count('shortened', (int) $payload->isShortened);
        if ($payload->problem === '') {
            Schedule::noteNewEntry();
        }
    }

    /**
     * The idempotency key: site, plugin, form, entry.
     *
     * Where the plugin stores no entries, the same values count as a repeat for ten minutes, and null is returned for
     * one.
     */
    private static function entryKey(FormEntry $entry): ?string
    {
        $form = 'wp-' . Settings::siteMark() . '-' . $entry->plugin . '-' . $entry->formId;
        if ($entry->entryId !== '') {
            return $form . '-' . $entry->entryId;
        }
        $hash = substr(hash('sha256', serialize($entry->fields)), 0, 24);
        $slot = intdiv(time(), self::REPEAT_SECONDS);
        $earlier = $form . '-' . $hash . '-' . ($slot - 1);
        if (QueueTable::hasSince($earlier, time() - self::REPEAT_SECONDS)) {
            return null;
        }
        return $form . '-' . $hash . '-' . $slot;
    }
}
