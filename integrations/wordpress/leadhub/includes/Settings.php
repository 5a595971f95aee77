<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/**
 * What the operator of a site chose. The key is an option of its own that no page loads by itself.
 *
 * LEADHUB_URL and LEADHUB_API_KEY, both in wp-config.php, win over the options, for all sites of a network.
 */
final class Settings
{
    private const CONNECTION = 'leadhub_connection';
    private const API_KEY = 'leadhub_api_key';
    private const PREFERENCES = 'leadhub_preferences';
    private const SITE_ID = 'leadhub_site_id';
    private const DEFAULT_PREFERENCES = [
        'keep_days' => 30,
        'forward_new_forms' => true,
        'remember_visit' => false,
        'source' => 'wordpress',
    ];
    private const LONGEST_KEEP_DAYS = 365;

    /** Make the options, so that WordPress never loads the secret ones with each page. */
    public static function make(): void
    {
        add_option(self::CONNECTION, ['url' => '', 'workspace' => ''], '', false);
        add_option(self::API_KEY, ['key' => ''], '', false);
        add_option(self::PREFERENCES, self::DEFAULT_PREFERENCES, '', true);
        add_option(self::SITE_ID, wp_generate_password(16, false), '', false);
    }

    public static function remove(): void
    {
        foreach ([self::CONNECTION, self::API_KEY, self::PREFERENCES, self::SITE_ID] as $name) {
            delete_option($name);
        }
    }

    /** The address of LeadHub without a slash at its end; empty if there is none. */
    public static function url(): string
    {
        $url = self::isFixed() ? (string) LEADHUB_URL : (string) self::connection()['url'];
        return self::readUrl($url);
    }

    public static function apiKey(): string
    {
        if (self::isFixed()) {
            return (string) LEADHUB_API_KEY;
        }
        $kept = get_option(self::API_KEY, '');
        if (is_string($kept) && $kept !== '') { // of an older version
            self::saveKey($kept);
        }
        return is_array($kept) ? (string) ($kept['key'] ?? '') : (string) $kept;
    }

    /** Both or none: an admin of one site may not have a network's key sent to an address of their own. */
    public static function isFixed(): bool
    {
        return defined('LEADHUB_URL') && defined('LEADHUB_API_KEY');
    }

    /** The slug of the key's workspace, as LeadHub told it; empty if it was not asked yet. */
    public static function workspace(): string
    {
        return (string) self::connection()['workspace'];
    }

    public static function isConnected(): bool
    {
        return self::url() !== '' && self::apiKey() !== '';
    }

    public static function saveWorkspace(string $slug): void
    {
        update_option(self::CONNECTION, ['workspace' => $slug] + self::connection(), false);
    }

    /** Another address or key belongs to another workspace. An empty key leaves the one that is there. */
    public static function saveConnection(string $url, string $api_key): void
    {
        update_option(self::CONNECTION, ['url' => $url, 'workspace' => ''], false);
        if ($api_key !== '') {
            self::saveKey($api_key);
        }
    }

    /** WordPress' page of all options shows texts, and no arrays. */
    private static function saveKey(string $api_key): void
    {
        update_option(self::API_KEY, ['key' => $api_key], false);
    }

    /** @return array{keep_days: int, forward_new_forms: bool, remember_visit: bool, source: string} */
    public static function preferences(): array
    {
        return (array) get_option(self::PREFERENCES, []) + self::DEFAULT_PREFERENCES;
    }

    /** @param array<string, mixed> $sent fields of the settings page, without slashes */
    public static function savePreferences(array $sent): void
    {
        $days = isset($sent['keep_days']) ? (int) $sent['keep_days'] : self::DEFAULT_PREFERENCES['keep_days'];
        $source = isset($sent['source']) ? sanitize_text_field((string) $sent['source']) : '';
        update_option(
            self::PREFERENCES,
            [
                'keep_days' => max(1, min(self::LONGEST_KEEP_DAYS, $days)),
                'forward_new_forms' => !empty($sent['forward_new_forms']),
                'remember_visit' => !empty($sent['remember_visit']),
                'source' => $source === '' ? self::DEFAULT_PREFERENCES['source'] : mb_substr($source, 0, 255),
            ],
            true
        );
    }

    /** Twelve characters that tell this site from others of the workspace, and a copy of it from the site. */
    public static function siteMark(): string
    {
        return substr(hash('sha256', get_option(self::SITE_ID, '') . ' ' . home_url('/')), 0, 12);
    }

    /** An address of a LeadHub as it is kept; empty if the text is none. */
    public static function readUrl(string $text): string
    {
        $text = trim($text);
        $text = preg_match('#^[a-z]+://#i', $text) ? $text : 'https://' . $text;
        $url = esc_url_raw($text, ['http', 'https']);
        $parts = wp_parse_url($url);
        if (!is_array($parts) || empty($parts['host']) || isset($parts['user']) || isset($parts['query'])) {
            return '';
        }
        // The address of the console, as it stands in the browser.
        return untrailingslashit((string) preg_replace('#/console(/.*)?$#D', '', strtok($url, '#')));
    }

    public static function isApiKey(string $text): bool
    {
        return (bool) preg_match('/^lh_[\x21-\x7e]{8,200}$/D', $text);
    }

    /** @return array{url: string, workspace: string} */
    private static function connection(): array
    {
        return (array) get_option(self::CONNECTION, []) + ['url' => '', 'workspace' => ''];
    }
}
