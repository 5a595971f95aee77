<?php

namespace LeadHub\WordPress\Admin;

use LeadHub\WordPress\FormRegistry;
use LeadHub\WordPress\LeadHubApi;
use LeadHub\WordPress\Plugin;
use LeadHub\WordPress\QueueSender;
use LeadHub\WordPress\QueueState;
use LeadHub\WordPress\QueueTable;
use LeadHub\WordPress\Settings;

defined('ABSPATH') || exit;

/** What the buttons of the settings page do. Each asks for the nonce of its form and for the capability. */
final class Actions
{
    public const SAVE_CONNECTION = 'leadhub_save_connection';
    public const SAVE_FORM = 'leadhub_save_form';
    public const ACT_ON_QUEUE = 'leadhub_act_on_queue';
    private const TEST_TIMEOUT = 10; // seconds
    private const SEND_ROWS = 200;
    private const SEND_SECONDS = 20.0;
    private const SEND_TIMEOUT = 10;

    public static function register(): void
    {
        add_action('admin_post_' . self::SAVE_CONNECTION, [self::class, 'saveConnection']);
        add_action('admin_post_' . self::SAVE_FORM, [self::class, 'saveForm']);
        add_action('admin_post_' . self::ACT_ON_QUEUE, [self::class, 'actOnQueue']);
    }

    public static function saveConnection(): void
    {
        $sent = self::readFields(self::SAVE_CONNECTION);
        Settings::savePreferences($sent);
        $problem = self::saveAddressAndKey($sent);
        if ($problem !== '') {
            Notices::keep('error', $problem);
        } elseif (isset($sent['test'])) {
            self::test();
        } else {
            Notices::keep('success', __('Saved.', 'leadhub'));
        }
        self::leave(SettingsPage::url());
    }

    public static function saveForm(): void
    {
        $sent = self::readFields(self::SAVE_FORM);
        $form_key = sanitize_text_field((string) ($sent['form'] ?? ''));
        $mapping = isset($sent['mapping']) && is_array($sent['mapping']) ? array_map('strval', $sent['mapping']) : [];
        $number = (int) ($sent['form_number'] ?? 0);
        FormRegistry::save($form_key, !empty($sent['enabled']), $mapping, (string) ($sent['source'] ?? ''), $number);
        Notices::keep('success', __('Saved.', 'leadhub'));
        self::leave(SettingsPage::url('forms', $form_key));
    }

    public static function actOnQueue(): void
    {
        $sent = self::readFields(self::ACT_ON_QUEUE);
        if (isset($sent['delete_unsent'])) {
            QueueTable::deleteUnsent();
            Notices::keep('success', __('Deleted.', 'leadhub'));
        } elseif (isset($sent['forget_counts'])) {
            QueueState::forgetCounts();
        } elseif (isset($sent['send_now']) || isset($sent['send_again'])) {
            self::sendNow(isset($sent['send_again']));
        }
        self::leave(SettingsPage::url('queue'));
    }

    private static function sendNow(bool $all): void
    {
        QueueTable::release($all);
        QueueState::endPause();
        $number = QueueSender::run(self::SEND_ROWS, self::SEND_SECONDS, self::SEND_TIMEOUT);
        $left = QueueTable::counts()[QueueTable::WAITING];
        /* translators: %s: a number */
        $text = _n('LeadHub took %s entry.', 'LeadHub took %s entries.', $number, 'leadhub');
        $text = sprintf($text, number_format_i18n($number));
        if ($left > 0) {
            /* translators: %s: a number */
            $more = _n('%s entry still waits.', '%s entries still wait.', $left, 'leadhub');
            $text .= ' ' . sprintf($more, number_format_i18n($left));
        }
        Notices::keep($left > 0 ? 'warning' : 'success', $text);
    }

    /**
     * @param array<string, mixed> $sent
     * @return string what is wrong with them, or nothing
     */
    private static function saveAddressAndKey(array $sent): string
    {
        if (Settings::isFixed()) {
            return '';
        }
        $url = Settings::readUrl((string) ($sent['url'] ?? ''));
        $key = trim((string) ($sent['key'] ?? ''));
        if ($url === '') {
            return __('The address must begin with https:// or http:// and name a host.', 'leadhub');
        }
        if ($key !== '' && !Settings::isApiKey($key)) {
            return strpos($key, 'lh_') === 0
                ? __('The key is not whole, or has a space in it. Copy it again.', 'leadhub')
                : __('An API key of LeadHub begins with lh_.', 'leadhub');
        }
        if ($url !== Settings::url() && $key === '' && Settings::apiKey() !== '') {
            return __('Enter the key, too: a saved key goes to no other address.', 'leadhub');
        }
        if ($url !== Settings::url() || $key !== '') {
            Settings::saveConnection($url, $key);
            QueueState::forgetKey();
            QueueState::endPause(); // what failed by the old ones may succeed by the new ones
            QueueState::noteNextDue();
        }
        return '';
    }

    /** Ask LeadHub what the key may do, and whether it would take a lead. */
    private static function test(): void
    {
        $answer = LeadHubApi::showKey(self::TEST_TIMEOUT);
        $slug = $answer->data['data']['workspace']['slug'] ?? '';
        if (!$answer->isSuccess() || !is_string($slug) || $slug === '') {
            Notices::keep('error', $answer->problem());
            return;
        }
        Settings::saveWorkspace($slug);
        $trial = LeadHubApi::tryLead($slug, self::TEST_TIMEOUT);
        if (!$trial->isSuccess()) {
            Notices::keep('error', $trial->problem());
            return;
        }
        QueueState::forgetKey();
        $name = (string) ($answer->data['data']['workspace']['name'] ?? $slug);
        /* translators: %s: name of a workspace */
        $text = sprintf(__('LeadHub answers, and takes leads for the workspace %s.', 'leadhub'), $name);
        if ((array) ($answer->data['data']['scopes'] ?? []) === ['submit:leads']) {
            Notices::keep('success', $text);
            return;
        }
        $more = __('The key may do more than that: make one with the scope submit:leads alone.', 'leadhub');
        Notices::keep('warning', $text . ' ' . $more);
    }

    /** @return array<string, mixed> the posted fields without slashes */
    private static function readFields(string $action): array
    {
        if (!current_user_can(Plugin::CAPABILITY)) {
            wp_die(esc_html__('You may not see this page.', 'leadhub'), '', ['response' => 403]);
        }
        check_admin_referer($action);
        return wp_unslash($_POST); // phpcs:ignore -- each field is cleaned where it is read
    }

    private static function leave(string $url): void
    {
        wp_safe_redirect($url);
        exit;
    }
}
