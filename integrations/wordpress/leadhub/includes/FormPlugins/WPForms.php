<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\FormEntry;

defined('ABSPATH') || exit;

/** WPForms, with and without Pro. Without it no entry has a number. */
final class WPForms
{
    public const TITLE = 'WPForms';
    public const ACTION = ['wpforms_process_complete', 4, 20];
    private const NO_FIELDS = ['password', 'captcha', 'html', 'content', 'divider', 'pagebreak', 'credit-card'];

    /**
     * @param array<mixed>         $fields
     * @param array<string, mixed> $posted
     * @param array<string, mixed> $form
     * @param int|string           $entry_id
     */
    public static function read($fields, $posted, $form, $entry_id): ?FormEntry
    {
        $title = (string) ($form['settings']['form_title'] ?? '');
        $page = esc_url_raw((string) ($form['entry_meta']['page_url'] ?? ''));
        $entry = new FormEntry('wpforms', (string) ($form['id'] ?? ''), $title, (string) $entry_id, $page);
        foreach ((array) $fields as $field) {
            $type = (string) ($field['type'] ?? '');
            if (in_array($type, self::NO_FIELDS, true)) {
                continue;
            }
            $id = (string) ($field['id'] ?? '');
            if ($type === 'name' && (!empty($field['first']) || !empty($field['last']))) {
                $entry->add($id . '.first', 'First name', 'first_name', $field['first'] ?? '');
                $entry->add($id . '.last', 'Last name', 'last_name', $field['last'] ?? '');
                continue;
            }
            $value = $field['value'] ?? '';
            // Several choices are lines of one text.
            $value = $type === 'checkbox' && is_string($value) ? explode("\n", $value) : $value;
            $entry->add($id, (string) ($field['name'] ?? ''), $type, $value);
        }
        return $entry;
    }

    /** @return FormEntry[] */
    public static function listForms(): array
    {
        if (!function_exists('wpforms_decode')) {
            return [];
        }
        $forms = [];
        foreach (get_posts(['post_type' => 'wpforms', 'numberposts' => 100]) as $post) {
            $form = (array) wpforms_decode($post->post_content);
            $entry = new FormEntry('wpforms', (string) $post->ID, $post->post_title, '');
            foreach ((array) ($form['fields'] ?? []) as $field) {
                self::addListed($entry, (array) $field);
            }
            $forms[] = $entry;
        }
        return $forms;
    }

    /** @param array<string, mixed> $field */
    private static function addListed(FormEntry $entry, array $field): void
    {
        $type = (string) ($field['type'] ?? '');
        $id = (string) ($field['id'] ?? '');
        if (in_array($type, self::NO_FIELDS, true)) {
            return;
        }
        if ($type === 'name' && ($field['format'] ?? '') !== 'simple') {
            $entry->add($id . '.first', 'First name', 'first_name', '');
            $entry->add($id . '.last', 'Last name', 'last_name', '');
            return;
        }
        $entry->add($id, (string) ($field['label'] ?? ''), $type, '');
    }
}
