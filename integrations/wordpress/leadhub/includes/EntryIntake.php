<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** Takes an entry of a form: into the queue, once. Nothing is sent here. */
final class EntryIntake
{
    private const REPEAT_SECONDS = 600;
    private const LARGEST_LEAD = 200000; // bytes; LeadHub takes 256 KiB

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
        $mapping = FormRegistry::mapping($entry->formKey());
        $attribution = Visit::attribution($entry->page);
        $lead = LeadBuilder::build($entry, $mapping, $attribution, FormRegistry::source($entry->formKey()));
        /** The lead of an entry before it is queued: another one, or null to keep it from LeadHub. */
        $lead = apply_filters('leadhub_lead', $lead, $entry);
        if (!is_array($lead)) {
            return;
        }
        $form_number = FormRegistry::formNumber($entry->formKey());
        $payload = self::payloadOf($form_number > 0 ? self::answersOf($lead) : $lead);
        $key = self::entryKey($entry);
        if ($key === null) {
            return;
        }
        if (QueueTable::isFull()) {
            QueueState::count('not_queued', 1);
            return;
        }
        $problem = '';
        if (!isset($lead['email']) && $form_number === 0) {
            $problem = __('The entry has no email address, which LeadHub needs.', 'leadhub');
        }
        if (QueueTable::add($key, $entry->formKey(), $payload, $problem, $form_number) && $problem === '') {
            Schedule::noteNewEntry();
        }
    }

    /**
     * The answers for a form of LeadHub, by the keys that its fields commonly have. It ignores those that it has not.
     *
     * @param array<string, mixed> $lead
     * @return array<string, mixed>
     */
    private static function answersOf(array $lead): array
    {
        $custom = $lead['custom_fields'] ?? [];
        unset($lead['custom_fields'], $lead['source']);
        $name = trim(($lead['first_name'] ?? '') . ' ' . ($lead['last_name'] ?? ''));
        $others = ['name' => $name, 'full_name' => $name, 'message' => $lead['notes'] ?? ''];
        $consents = array_filter($custom, 'is_bool'); // those that were given
        $answers = $lead + array_filter($others, 'strlen') + $custom;
        return $consents === [] ? $answers : $answers + ['consent' => true];
    }

    /** @param array<string, mixed> $lead */
    private static function payloadOf(array $lead): string
    {
        $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;
        $payload = (string) wp_json_encode($lead, $flags);
        while (strlen($payload) > self::LARGEST_LEAD && $lead !== []) {
            if (empty($lead['custom_fields'])) {
                array_pop($lead);
            } else {
                array_pop($lead['custom_fields']);
            }
            $payload = (string) wp_json_encode($lead, $flags);
        }
        return $payload;
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
