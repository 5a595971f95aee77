<?php

namespace LeadHub\WordPress\Admin;

use LeadHub\WordPress\Settings;

defined('ABSPATH') || exit;

/** Address and key of LeadHub, and what holds for all forms. */
final class ConnectionTab
{
    public static function render(): void
    {
        SettingsPage::openForm(Actions::SAVE_CONNECTION);
        echo '<table class="form-table" role="presentation">';
        self::renderConnection();
        self::renderPreferences();
        echo '</table><p class="submit">';
        submit_button(__('Save and test', 'leadhub'), 'primary', 'test', false);
        echo ' ';
        submit_button(__('Save', 'leadhub'), 'secondary', 'save', false);
        echo '</p></form>';
    }

    private static function renderConnection(): void
    {
        self::openRow('leadhub-url', __('Address of LeadHub', 'leadhub'));
        self::renderInput('url', 'url', Settings::url(), 'https://leads.example.com');
        self::closeRow(__('As you open its console, without /console.', 'leadhub'));
        self::openRow('leadhub-key', __('API key', 'leadhub'));
        $is_known = Settings::apiKey() !== '';
        self::renderInput('key', 'password', '', $is_known ? '••••••••' : 'lh_…');
        $where = __('Make one in LeadHub’s console, under API keys, with the scope submit:leads alone.', 'leadhub');
        $saved = __('A key is saved. Enter another one to replace it.', 'leadhub');
        self::closeRow($is_known ? $saved : $where);
        if (Settings::workspace() !== '') {
            echo '<tr><th scope="row">' . esc_html__('Workspace', 'leadhub') . '</th><td><code dir="ltr">'
                . esc_html(Settings::workspace()) . '</code></td></tr>';
        }
    }

    private static function renderPreferences(): void
    {
        $preferences = Settings::preferences();
        self::openRow('leadhub-source', __('Source of leads', 'leadhub'));
        echo '<input type="text" class="regular-text" id="leadhub-source" name="source" maxlength="255" value="'
            . esc_attr($preferences['source']) . '">';
        self::closeRow(__('LeadHub shows it as where a lead came from. A form may have its own.', 'leadhub'));
        self::openRow('leadhub-keep', __('Days that an unsent entry is kept', 'leadhub'));
        echo '<input class="small-text" type="number" min="1" max="365" id="leadhub-keep" name="keep_days" value="'
            . esc_attr((string) $preferences['keep_days']) . '">';
        self::closeRow(__('After that it is given up, and the tab of unsent entries says so.', 'leadhub'));
        self::renderTick(
            'forward_new_forms',
            __('Forms', 'leadhub'),
            __('Send the entries of all forms, except those that you switch off', 'leadhub'),
            (bool) $preferences['forward_new_forms']
        );
        self::renderTick(
            'remember_visit',
            __('Campaigns', 'leadhub'),
            __('Remember campaign and first page for the visit, in a cookie', 'leadhub'),
            (bool) $preferences['remember_visit']
        );
    }

    private static function openRow(string $id, string $label): void
    {
        echo '<tr><th scope="row"><label for="' . esc_attr($id) . '">' . esc_html($label) . '</label></th><td>';
    }

    private static function closeRow(string $description): void
    {
        echo '<p class="description">' . esc_html($description) . '</p></td></tr>';
    }

    private static function renderInput(string $name, string $type, string $value, string $hint): void
    {
        if (Settings::isFixed()) {
            echo '<p>' . esc_html__('It is set in wp-config.php.', 'leadhub') . '</p>';
            return;
        }
        echo '<input class="regular-text code" dir="ltr" type="' . esc_attr($type) . '" id="leadhub-' . esc_attr($name)
            . '" name="' . esc_attr($name) . '" value="' . esc_attr($value) . '" placeholder="' . esc_attr($hint)
            . '" autocomplete="off" spellcheck="false" maxlength="500">';
    }

    private static function renderTick(string $name, string $title, string $label, bool $is_on): void
    {
        echo '<tr><th scope="row">' . esc_html($title) . '</th><td><label><input type="checkbox" name="'
            . esc_attr($name) . '" value="1"' . checked($is_on, true, false) . '> ' . esc_html($label)
            . '</label></td></tr>';
    }
}
