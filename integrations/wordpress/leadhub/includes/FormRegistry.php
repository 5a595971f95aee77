<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** The forms that were seen or listed, with the fields they have and what the operator chose for each. No answers. */
final class FormRegistry
{
    private const OPTION = 'leadhub_forms';
    private const MOST_FORMS = 200;
    private const MOST_FIELDS = 100;

    /** @return array<string, array<string, mixed>> forms by key: `title`, `fields`, `enabled`, `mapping`, `source` */
    public static function all(): array
    {
        return (array) get_option(self::OPTION, []);
    }

    public static function remove(): void
    {
        delete_option(self::OPTION);
    }

    /** @return array<string, mixed>|null */
    public static function find(string $form_key): ?array
    {
        return self::all()[$form_key] ?? null;
    }

    /** Note a form and its fields, so that they can be mapped. Writes only what is new. */
    public static function note(FormEntry $entry): void
    {
        $forms = self::all();
        $known = $forms[$entry->formKey()] ?? [];
        $fields = $known['fields'] ?? [];
        foreach ($entry->fields as $field) {
            if ($field['type'] === FormEntry::UNLISTED) {
                continue;
            }
            if (count($fields) < self::MOST_FIELDS || isset($fields[$field['key']])) {
                $label = mb_substr(wp_strip_all_tags($field['label']), 0, 100);
                $fields[$field['key']] = ['label' => $label, 'type' => $field['type']];
            }
        }
        $form = ['title' => mb_substr($entry->formTitle, 0, 200), 'fields' => $fields] + $known;
        if ($form !== $known && (isset($forms[$entry->formKey()]) || count($forms) < self::MOST_FORMS)) {
            $forms[$entry->formKey()] = $form;
            update_option(self::OPTION, $forms, false);
        }
    }

    public static function isForwarded(string $form_key): bool
    {
        $form = self::find($form_key);
        return (bool) ($form['enabled'] ?? Settings::preferences()['forward_new_forms']);
    }

    /** @return array<string, string> */
    public static function mapping(string $form_key): array
    {
        return (array) (self::find($form_key)['mapping'] ?? []);
    }

    public static function source(string $form_key): string
    {
        $own = (string) (self::find($form_key)['source'] ?? '');
        return $own !== '' ? $own : (string) Settings::preferences()['source'];
    }

    /** The number of the LeadHub form that takes the entries; 0 if they become leads as they are. */
    public static function formNumber(string $form_key): int
    {
        return (int) (self::find($form_key)['form_number'] ?? 0);
    }

    /** @param array<string, string> $mapping targets by key; an empty one means that it is guessed */
    public static function save(
        string $form_key,
        bool $enabled,
        array $mapping,
        string $source,
        int $form_number = 0
    ): void {
        $forms = self::all();
        if (!isset($forms[$form_key])) {
            return;
        }
        $targets = array_merge(array_keys(LeadBuilder::LEAD_FIELDS), LeadBuilder::OTHER_TARGETS);
        $chosen = [];
        foreach (array_keys($forms[$form_key]['fields']) as $field_key) {
            if (in_array($mapping[$field_key] ?? '', $targets, true)) {
                $chosen[$field_key] = $mapping[$field_key];
            }
        }
        $forms[$form_key]['enabled'] = $enabled;
        $forms[$form_key]['mapping'] = $chosen;
        $forms[$form_key]['form_number'] = max(0, min(2147483647, $form_number));
        $forms[$form_key]['source'] = mb_substr(sanitize_text_field($source), 0, 255);
        update_option(self::OPTION, $forms, false);
    }
}
