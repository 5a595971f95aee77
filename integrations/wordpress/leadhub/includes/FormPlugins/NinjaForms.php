<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\FormEntry;

defined('ABSPATH') || exit;

/** Ninja Forms 3. A form that stores no submissions gives its entries no number. */
final class NinjaForms
{
    public const TITLE = 'Ninja Forms';
    public const ACTION = ['ninja_forms_after_submission', 1, 20];
    private const NO_FIELDS = ['password', 'passwordconfirm', 'html', 'hr', 'submit', 'recaptcha', 'spam', 'divider'];

    /** @param array<string, mixed> $data */
    public static function read($data): ?FormEntry
    {
        if (!empty($data['settings']['is_preview'])) {
            return null;
        }
        $number = (string) ($data['actions']['save']['sub_id'] ?? '');
        $title = (string) ($data['settings']['title'] ?? '');
        $entry = new FormEntry('ninja', (string) ($data['form_id'] ?? ''), $title, $number);
        foreach ((array) ($data['fields'] ?? []) as $field) {
            $settings = (array) ($field['settings'] ?? []) + (array) $field;
            $type = (string) ($settings['type'] ?? '');
            if (in_array($type, self::NO_FIELDS, true)) {
                continue;
            }
            $key = (string) ($settings['key'] ?? $field['id'] ?? '');
            $value = $field['value'] ?? $settings['value'] ?? '';
            $entry->add($key, (string) ($settings['label'] ?? ''), $type, $value);
        }
        return $entry;
    }

    /** @return FormEntry[] */
    public static function listForms(): array
    {
        return [];
    }
}
