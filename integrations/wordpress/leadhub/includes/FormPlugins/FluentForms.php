<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\FormEntry;

defined('ABSPATH') || exit;

/** Fluent Forms. An entry has its answers by the names of inputs; the form's JSON has types and labels. */
final class FluentForms
{
    public const TITLE = 'Fluent Forms';
    public const ACTION = ['fluentform/submission_inserted', 3, 20];
    private const NO_FIELDS = ['input_password', 'recaptcha', 'hcaptcha', 'turnstile', 'custom_html', 'section_break'];
    private const TYPES = ['input_email' => 'email', 'input_name' => 'name', 'select_country' => 'country'];

    /**
     * @param int|string           $entry_id
     * @param array<string, mixed> $answers
     * @param object               $form
     */
    public static function read($entry_id, $answers, $form): ?FormEntry
    {
        $id = (string) FormPlugins::member($form, 'id');
        $title = (string) FormPlugins::member($form, 'title');
        $page = '';
        if (isset($answers['_wp_http_referer']) && is_string($answers['_wp_http_referer'])) {
            $path = $answers['_wp_http_referer']; // from the root of the host, whatever folder the site has
            $page = esc_url_raw((string) preg_replace('#(?<![:/])/.*$#', '', home_url()) . $path);
        }
        $entry = new FormEntry('fluent', $id, $title, (string) $entry_id, $page);
        $known = self::inputs((string) FormPlugins::member($form, 'form_fields'));
        foreach ((array) $answers as $name => $value) {
            $name = (string) $name;
            $input = $known[$name] ?? null;
            if (strpos($name, '_') === 0 || ($input === null && strpos($name, 'captcha') !== false)) {
                continue; // nonce, page, tokens
            }
            $input = $input ?? ['type' => '', 'label' => ucfirst(str_replace('_', ' ', $name))];
            self::add($entry, $name, $input, $value);
        }
        return $entry;
    }

    /** @return FormEntry[] */
    public static function listForms(): array
    {
        return [];
    }

    /**
     * @param array{type: string, label: string} $input
     * @param mixed                              $value
     */
    private static function add(FormEntry $entry, string $name, array $input, $value): void
    {
        if (in_array($input['type'], self::NO_FIELDS, true)) {
            return;
        }
        if ($input['type'] === 'input_name' && is_array($value)) {
            foreach ($value as $part => $text) { // first_name, middle_name, last_name
                $label = ucfirst(str_replace('_', ' ', (string) $part));
                $entry->add($name . '.' . $part, $label, (string) $part, $text);
            }
            return;
        }
        $entry->add($name, $input['label'], self::TYPES[$input['type']] ?? $input['type'], $value);
    }

    /** @return array<string, array{type: string, label: string}> */
    private static function inputs(string $json): array
    {
        $document = json_decode($json, true);
        $inputs = [];
        self::walk(is_array($document) ? (array) ($document['fields'] ?? []) : [], $inputs);
        return $inputs;
    }

    /**
     * @param array<mixed>                                      $fields
     * @param array<string, array{type: string, label: string}> $inputs
     */
    private static function walk(array $fields, array &$inputs): void
    {
        foreach ($fields as $field) {
            foreach ((array) ($field['columns'] ?? []) as $column) { // a row of columns holds further fields
                self::walk((array) ($column['fields'] ?? []), $inputs);
            }
            $name = (string) ($field['attributes']['name'] ?? '');
            if ($name !== '') {
                $label = (string) ($field['settings']['label'] ?? '');
                $label = $label !== '' ? $label : (string) ($field['settings']['admin_field_label'] ?? '');
                $inputs[$name] = ['type' => (string) ($field['element'] ?? ''), 'label' => $label];
            }
        }
    }
}
