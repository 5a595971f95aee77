<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** An entry's answers as the queue keeps them until they are sent, so that another mapping can be used. */
final class StoredEntry
{
    private const LONGEST_TEXT = 10001; // characters: one more than any field of a lead takes
    private const LARGEST_TEXT = 200000; // bytes

    /**
     * Return the answers as JSON; empty if they are too large to be kept. A password is never kept.
     *
     * @param array<string, string> $attribution
     */
    public static function write(FormEntry $entry, array $attribution): string
    {
        $fields = [];
        foreach ($entry->fields as $field) {
            $value = strtolower($field['type']) === 'password' ? '' : $field['value'];
            $fields[] = [$field['key'], mb_substr($field['label'], 0, 500), $field['type'], self::bounded($value)];
        }
        $stored = [
            'entry' => [$entry->plugin, $entry->formId, $entry->formTitle, $entry->entryId, $entry->page],
            'fields' => $fields,
            'omitted' => $entry->omitted,
            'attribution' => $attribution,
        ];
        $text = (string) wp_json_encode($stored, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        return strlen($text) > self::LARGEST_TEXT ? '' : $text;
    }

    /** The payload of a stored entry by the present mapping; null if it must not be sent. */
    public static function payload(string $text): ?EntryPayload
    {
        $stored = (array) json_decode($text, true);
        $entry = new FormEntry(...array_map('strval', $stored['entry']));
        foreach ($stored['fields'] as [$key, $label, $type, $value]) {
            $entry->add($key, $label, $type, $value);
        }
        $entry->omitted = $stored['omitted'];
        return EntryPayload::make($entry, $stored['attribution']);
    }

    /**
     * @param mixed $value
     * @return mixed
     */
    private static function bounded($value)
    {
        if (is_array($value)) {
            return array_map([self::class, 'bounded'], $value);
        }
        return is_string($value) ? mb_substr($value, 0, self::LONGEST_TEXT) : (is_scalar($value) ? $value : '');
    }
}
