<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\FormEntry;

defined('ABSPATH') || exit;

/** The forms of Elementor Pro. The action has no number of the entry. */
final class ElementorForms
{
    public const TITLE = 'Elementor Pro';
    public const ACTION = ['elementor_pro/forms/new_record', 2, 20];
    private const NO_FIELDS = ['password', 'html', 'step', 'honeypot', 'recaptcha', 'recaptcha_v3'];

    /**
     * @param object $record  Form_Record
     * @param object $handler Ajax_Handler
     */
    public static function read($record, $handler = null): ?FormEntry
    {
        $id = (string) $record->get_form_settings('id');
        $title = (string) $record->get_form_settings('form_name');
        $page = isset($_POST['referrer']) && is_string($_POST['referrer']) ? wp_unslash($_POST['referrer']) : '';
        $entry = new FormEntry('elementor', $id, $title, '', esc_url_raw($page));
        foreach ((array) $record->get('fields') as $key => $field) {
            $type = (string) ($field['type'] ?? '');
            if (in_array($type, self::NO_FIELDS, true)) {
                continue;
            }
            $raw = $field['raw_value'] ?? null; // choices as a list
            $value = is_array($raw) ? $raw : ($field['value'] ?? '');
            $entry->add((string) ($field['id'] ?? $key), (string) ($field['title'] ?? ''), $type, $value);
        }
        return $entry;
    }

    /** @return FormEntry[] they lie in the pages: each appears with its first entry */
    public static function listForms(): array
    {
        return [];
    }
}
