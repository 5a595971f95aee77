<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** What is sent of an entry, by the present mapping of its form. */
final class EntryPayload
{
    private const LARGEST_LEAD = 200000; // bytes; LeadHub takes 256 KiB

    /** JSON. */
    public string $text;
    /** Of the LeadHub form that takes it; 0 for a lead. */
    public int $formNumber;
    /** Why LeadHub would refuse it, or nothing. */
    public string $problem = '';
    public bool $isShortened;

    /**
     * Return the payload of an entry; null if it must not be sent.
     *
     * @param array<string, string> $attribution
     */
    public static function make(FormEntry $entry, array $attribution): ?self
    {
        $mapping = FormRegistry::mapping($entry->formKey());
        $lead = LeadBuilder::build($entry, $mapping, $attribution, FormRegistry::source($entry->formKey()));
        /** The lead of an entry before it is queued: another one, or null to keep it from LeadHub. */
        $lead = apply_filters('leadhub_lead', $lead, $entry);
        if (!is_array($lead)) {
            return null;
        }
        $lead = self::fit($lead);
        $payload = new self();
        $payload->formNumber = FormRegistry::formNumber($entry->formKey());
        $payload->isShortened = isset($lead['custom_fields'][LeadBuilder::SHORTENED]);
        $payload->text = self::encode($payload->formNumber > 0 ? self::answersOf($lead) : $lead);
        if (!isset($lead['email']) && $payload->formNumber === 0) {
            $payload->problem = self::emailProblem($entry, $mapping);
        }
        return $payload;
    }

    /** @param array<string, string> $mapping */
    private static function emailProblem(FormEntry $entry, array $mapping): string
    {
        foreach ($entry->fields as $field) {
            if (LeadBuilder::targetOf($field, $mapping) === 'email' && LeadBuilder::textOf($field['value']) !== '') {
                /* translators: %s: label of a field */
                $text = __('The answer to “%s” is not a valid email address, which LeadHub needs.', 'leadhub');
                return sprintf($text, mb_substr(LeadBuilder::labelOf($field), 0, 100));
            }
        }
        return __('The entry has no email address, which LeadHub needs.', 'leadhub');
    }

    /**
     * The lead without its last custom fields, until it is small enough. It says which are left out.
     *
     * @param array<string, mixed> $lead
     * @return array<string, mixed>
     */
    private static function fit(array $lead): array
    {
        $names = [];
        while (strlen(self::encode($lead)) > self::LARGEST_LEAD && !empty($lead['custom_fields'])) {
            $names[] = (string) array_key_last($lead['custom_fields']);
            array_pop($lead['custom_fields']);
        }
        return LeadBuilder::noteShortened($lead, [], array_reverse($names));
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
    private static function encode(array $lead): string
    {
        return (string) wp_json_encode($lead, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    }
}
