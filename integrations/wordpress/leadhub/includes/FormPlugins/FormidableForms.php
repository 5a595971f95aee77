<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\FormEntry;

defined('ABSPATH') || exit;

/** Formidable Forms. The action has numbers alone: the plugin's own classes have the answers. */
final class FormidableForms
{
    public const TITLE = 'Formidable Forms';
    public const ACTION = ['frm_after_create_entry', 3, 50];
    private const NO_FIELDS = ['password', 'captcha', 'html', 'divider', 'end_divider', 'break', 'form', 'submit'];

    /**
     * @param int|string           $entry_id
     * @param int|string           $form_id
     * @param array<string, mixed> $more
     */
    public static function read($entry_id, $form_id, $more = []): ?FormEntry
    {
        if (!empty($more['is_child']) || !class_exists('FrmEntry') || !class_exists('FrmField')) {
            return null; // a row of a repeated section is no entry of its own
        }
        $stored = \FrmEntry::getOne($entry_id, true);
        if (!$stored || !empty($stored->is_draft)) {
            return null;
        }
        $title = (string) FormPlugins::member($stored, 'form_name');
        $entry = new FormEntry('formidable', (string) $form_id, $title, (string) $entry_id);
        foreach ((array) \FrmField::get_all_for_form($form_id) as $field) {
            $type = (string) FormPlugins::member($field, 'type');
            if (!in_array($type, self::NO_FIELDS, true)) {
                self::add($entry, $field, $type, $stored->metas[$field->id] ?? '');
            }
        }
        return $entry;
    }

    /** @return FormEntry[] */
    public static function listForms(): array
    {
        return [];
    }

    /**
     * @param object $field
     * @param mixed  $value
     */
    private static function add(FormEntry $entry, $field, string $type, $value): void
    {
        $name = (string) FormPlugins::member($field, 'name');
        $value = maybe_unserialize($value);
        if ($type === 'name' && is_array($value)) {
            $entry->add($field->id . '.first', 'First name', 'first_name', $value['first'] ?? '');
            $entry->add($field->id . '.last', 'Last name', 'last_name', $value['last'] ?? '');
            return;
        }
        $entry->add((string) $field->id, $name, $type, $value);
    }
}
