<?php

namespace LeadHub\WordPress\Admin;

use LeadHub\WordPress\FieldGuess;
use LeadHub\WordPress\FormPlugins\FormPlugins;
use LeadHub\WordPress\FormRegistry;

defined('ABSPATH') || exit;

/** The forms of the site, and what becomes of the fields of one. */
final class FormsTab
{
    public static function render(): void
    {
        $form_key = isset($_GET['form']) ? sanitize_text_field(wp_unslash($_GET['form'])) : '';
        $form = $form_key === '' ? null : FormRegistry::find($form_key);
        if ($form !== null) {
            self::renderForm($form_key, $form);
            return;
        }
        FormPlugins::noteForms();
        $forms = FormRegistry::all();
        if ($forms === []) {
            $text = __('No form was seen yet. A form of another plugin appears here with its first entry.', 'leadhub');
            echo '<p>' . esc_html($text) . '</p>';
            return;
        }
        self::renderList($forms);
    }

    /** @return array<string, string> */
    public static function targetNames(): array
    {
        return [
            'email' => __('Email', 'leadhub'),
            'full_name' => __('Full name', 'leadhub'),
            'first_name' => __('First name', 'leadhub'),
            'last_name' => __('Last name', 'leadhub'),
            'phone' => __('Phone', 'leadhub'),
            'company' => __('Company', 'leadhub'),
            'job_title' => __('Job title', 'leadhub'),
            'country' => __('Country', 'leadhub'),
            'notes' => __('Notes', 'leadhub'),
            'tags' => __('Tags', 'leadhub'),
            'custom' => __('A custom field', 'leadhub'),
            'consent' => __('A consent: record it', 'leadhub'),
            'consent_required' => __('A consent: send only with it', 'leadhub'),
            'ignore' => __('Do not send it', 'leadhub'),
        ];
    }

    /** @param array<string, array<string, mixed>> $forms */
    private static function renderList(array $forms): void
    {
        $titles = [__('Form', 'leadhub'), __('Plugin', 'leadhub'), __('Entries', 'leadhub')];
        echo '<table class="widefat striped leadhub-table"><thead><tr>';
        foreach ($titles as $title) {
            echo '<th scope="col">' . esc_html($title) . '</th>';
        }
        echo '</tr></thead><tbody>';
        foreach ($forms as $form_key => $form) {
            $title = $form['title'] !== '' ? $form['title'] : $form_key;
            $state = FormRegistry::isForwarded($form_key) ? __('are sent', 'leadhub') : __('are not sent', 'leadhub');
            echo '<tr><td><a class="row-title" href="' . esc_url(SettingsPage::url('forms', $form_key)) . '"><bdi>'
                . esc_html($title) . '</bdi></a></td><td>' . esc_html(FormPlugins::title($form_key)) . '</td><td>'
                . esc_html($state) . '</td></tr>';
        }
        echo '</tbody></table>';
    }

    /** @param array<string, mixed> $form */
    private static function renderForm(string $form_key, array $form): void
    {
        echo '<h2><bdi>' . esc_html($form['title'] !== '' ? $form['title'] : $form_key) . '</bdi></h2>';
        SettingsPage::openForm(Actions::SAVE_FORM);
        echo '<input type="hidden" name="form" value="' . esc_attr($form_key) . '">';
        echo '<p><label><input type="checkbox" name="enabled" value="1"'
            . checked(FormRegistry::isForwarded($form_key), true, false) . '> '
            . esc_html__('Send the entries of this form to LeadHub', 'leadhub') . '</label></p>';
        echo '<p><label for="leadhub-form-source">' . esc_html__('Source of leads', 'leadhub')
            . '</label> <input type="text" id="leadhub-form-source" name="source" maxlength="255" value="'
            . esc_attr((string) ($form['source'] ?? '')) . '" placeholder="' . esc_attr(FormRegistry::source($form_key))
            . '"></p>';
        self::renderFormNumber((int) ($form['form_number'] ?? 0));
        self::renderFields($form);
        submit_button(__('Save', 'leadhub'));
        echo '</form><p><a href="' . esc_url(SettingsPage::url('forms')) . '">'
            . esc_html__('All forms', 'leadhub') . '</a></p>';
    }

    private static function renderFormNumber(int $number): void
    {
        $help = __('It takes answers by the keys of its fields, such as name, email, phone, message.', 'leadhub')
            . ' ' . __('So an entry without an email address becomes a lead, too.', 'leadhub');
        echo '<p><label for="leadhub-form-number">'
            . esc_html__('Number of a LeadHub form, if one takes them', 'leadhub') . '</label> '
            . '<input type="number" class="small-text" min="0" id="leadhub-form-number" name="form_number" value="'
            . esc_attr($number > 0 ? (string) $number : '') . '"></p>';
        echo '<p class="description">' . esc_html($help) . '</p>';
    }

    /** @param array<string, mixed> $form */
    private static function renderFields(array $form): void
    {
        $mapping = (array) ($form['mapping'] ?? []);
        echo '<table class="widefat striped leadhub-table"><thead><tr><th scope="col">'
            . esc_html__('Field of the form', 'leadhub') . '</th><th scope="col">'
            . esc_html__('In LeadHub', 'leadhub') . '</th></tr></thead><tbody>';
        foreach ((array) $form['fields'] as $key => $field) {
            $key = (string) $key;
            $id = 'leadhub-field-' . md5($key);
            $label = $field['label'] !== '' ? $field['label'] : $key;
            echo '<tr><td><label for="' . esc_attr($id) . '"><bdi>' . esc_html($label) . '</bdi></label> '
                . '<code dir="ltr">' . esc_html($key) . '</code></td><td>';
            self::renderTargets($id, $key, $field, (string) ($mapping[$key] ?? ''));
            echo '</td></tr>';
        }
        echo '</tbody></table>';
    }

    /** @param array{label: string, type: string} $field */
    private static function renderTargets(string $id, string $key, array $field, string $chosen): void
    {
        $names = self::targetNames();
        $guess = $names[FieldGuess::target($field['type'], $field['label'], $key)];
        echo '<select id="' . esc_attr($id) . '" name="mapping[' . esc_attr($key) . ']">';
        /* translators: %s: a field of a lead, such as "Email" */
        echo '<option value="">' . esc_html(sprintf(__('Automatic: %s', 'leadhub'), $guess)) . '</option>';
        foreach ($names as $target => $name) {
            echo '<option value="' . esc_attr($target) . '"' . selected($chosen, $target, false) . '>'
                . esc_html($name) . '</option>';
        }
        echo '</select>';
    }
}
