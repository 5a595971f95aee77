<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\FormEntry;

defined('ABSPATH') || exit;

/** Gravity Forms. An entry has its answers under the numbers of fields: `3`, or `1.3` for a part of one. */
final class GravityForms
{
    public const TITLE = 'Gravity Forms';
    public const ACTION = ['gform_after_submission', 2, 20];
    private const NO_FIELDS = ['html', 'section', 'page', 'captcha', 'password', 'creditcard', 'stripe_creditcard'];
    private const NAME_PARTS = ['3' => 'first_name', '6' => 'last_name'];

    /**
     * @param array<string, mixed> $answers
     * @param array<string, mixed> $form
     */
    public static function read($answers, $form): ?FormEntry
    {
        if (($answers['status'] ?? 'active') !== 'active') {
            return null; // spam or trash
        }
        $page = (string) ($answers['source_url'] ?? '');
        $entry = new FormEntry(
            'gravity',
            (string) ($form['id'] ?? ''),
            (string) ($form['title'] ?? ''),
            (string) ($answers['id'] ?? ''),
            $page
        );
        self::addFields($entry, $form, (array) $answers);
        return $entry;
    }

    /** @return FormEntry[] */
    public static function listForms(): array
    {
        if (!class_exists('GFAPI')) {
            return [];
        }
        $forms = [];
        foreach (array_slice((array) \GFAPI::get_forms(), 0, 100) as $form) {
            $entry = new FormEntry('gravity', (string) $form['id'], (string) $form['title'], '');
            self::addFields($entry, $form, []);
            $forms[] = $entry;
        }
        return $forms;
    }

    /**
     * @param array<string, mixed>     $form
     * @param array<string|int, mixed> $answers
     */
    private static function addFields(FormEntry $entry, $form, array $answers): void
    {
        foreach ((array) ($form['fields'] ?? []) as $field) {
            $type = (string) FormPlugins::member($field, 'type');
            $id = (string) FormPlugins::member($field, 'id');
            $label = (string) FormPlugins::member($field, 'adminLabel');
            $label = $label !== '' ? $label : (string) FormPlugins::member($field, 'label');
            $parts = FormPlugins::member($field, 'inputs', null);
            if (in_array($type, self::NO_FIELDS, true)) {
                continue;
            }
            if ($type === 'name' && is_array($parts)) {
                self::addName($entry, $id, $answers);
            } elseif (is_array($parts) && $type === 'consent') {
                $entry->add($id, $label, 'consent', $answers[$id . '.1'] ?? '');
            } elseif (is_array($parts)) {
                $entry->add($id, $label, $type, self::partAnswers($parts, $answers));
            } else {
                $entry->add($id, $label, $type, self::choices($answers[$id] ?? ''));
            }
        }
    }

    /** @param array<string|int, mixed> $answers */
    private static function addName(FormEntry $entry, string $id, array $answers): void
    {
        foreach (self::NAME_PARTS as $part => $type) {
            $label = $type === 'first_name' ? 'First name' : 'Last name';
            $entry->add($id . '.' . $part, $label, $type, $answers[$id . '.' . $part] ?? '');
        }
    }

    /**
     * @param array<mixed>             $parts
     * @param array<string|int, mixed> $answers
     * @return string[]
     */
    private static function partAnswers(array $parts, array $answers): array
    {
        $values = [];
        foreach ($parts as $part) {
            $value = (string) ($answers[(string) FormPlugins::member($part, 'id')] ?? '');
            if ($value !== '') {
                $values[] = $value;
            }
        }
        return $values;
    }

    /**
     * @param mixed $value of several choices as JSON, such as `["a","b"]`
     * @return mixed
     */
    private static function choices($value)
    {
        $list = is_string($value) && substr($value, 0, 1) === '[' ? json_decode($value, true) : null;
        return is_array($list) ? $list : $value;
    }
}
