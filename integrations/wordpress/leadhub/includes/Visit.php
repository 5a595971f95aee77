<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** Where a visitor came from: the page of the form, its campaign parameters, and what the visit's cookie remembers. */
final class Visit
{
    public const COOKIE = 'leadhub_visit';
    private const CAMPAIGN_PARAMETERS = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'];
    private const CLICK_IDS = [
        'gclid', 'gbraid', 'wbraid', 'dclid', 'fbclid', 'msclkid', 'ttclid', 'twclid', 'li_fat_id', 'epik',
    ];
    /** Where scripts post to: no visitor was there. */
    private const NO_PAGES = '#/wp-admin/admin-ajax\.php|/wp-json/|[?&]rest_route=#';
    private const LONGEST_VALUE = 500; // characters
    private const LARGEST_COOKIE = 3000; // bytes

    public static function register(): void
    {
        add_action('wp_enqueue_scripts', [self::class, 'enqueue']);
    }

    /** The script waits for consent where a consent plugin speaks WordPress' consent API. */
    public static function enqueue(): void
    {
        if (!Settings::preferences()['remember_visit']) {
            return;
        }
        $url = plugins_url('assets/visit.js', LEADHUB_PLUGIN_FILE);
        wp_enqueue_script('leadhub-visit', $url, [], Plugin::VERSION, true);
        $settings = 'window.leadhubVisit = ' . wp_json_encode(self::scriptSettings());
        wp_add_inline_script('leadhub-visit', $settings, 'before');
    }

    /**
     * What is known of the visit, by the names of custom fields.
     *
     * @param string $page the page of the form, where the form's plugin knows it
     * @return array<string, string>
     */
    public static function attribution(string $page): array
    {
        $page = $page !== '' && !preg_match(self::NO_PAGES, $page) ? $page : self::currentPage();
        parse_str((string) wp_parse_url($page, PHP_URL_QUERY), $query);
        $known = self::named($query) + self::remembered();
        if ($page !== '') {
            $known['page_url'] = self::cut(strtok($page, '?#'));
        }
        return array_filter($known, 'strlen');
    }

    /** @return array<string, mixed> */
    private static function scriptSettings(): array
    {
        return [
            'cookie' => self::COOKIE,
            'path' => COOKIEPATH ? COOKIEPATH : '/',
            'parameters' => array_merge(self::CAMPAIGN_PARAMETERS, self::CLICK_IDS),
        ];
    }

    /** A form is often posted to another address than its page: the browser says from where. */
    private static function currentPage(): string
    {
        $referrer = wp_get_raw_referer();
        return $referrer ? esc_url_raw($referrer) : '';
    }

    /** @return array<string, string> what the cookie of the visit has */
    private static function remembered(): array
    {
        if (empty($_COOKIE[self::COOKIE]) || !is_string($_COOKIE[self::COOKIE])) {
            return [];
        }
        $text = wp_unslash($_COOKIE[self::COOKIE]); // phpcs:ignore -- each value is cleaned below
        $values = strlen($text) <= self::LARGEST_COOKIE ? json_decode($text, true) : null;
        if (!is_array($values)) {
            return [];
        }
        $known = self::named($values);
        foreach (['referrer', 'landing_page'] as $name) {
            if (isset($values[$name]) && is_string($values[$name])) {
                $known[$name] = self::cut(esc_url_raw($values[$name]));
            }
        }
        return $known;
    }

    /**
     * @param array<mixed> $values
     * @return array<string, string>
     */
    private static function named(array $values): array
    {
        $known = [];
        foreach (array_merge(self::CAMPAIGN_PARAMETERS, self::CLICK_IDS) as $name) {
            if (isset($values[$name]) && is_string($values[$name])) {
                $known[$name] = self::cut(sanitize_text_field($values[$name]));
            }
        }
        return $known;
    }

    private static function cut(string $text): string
    {
        return mb_substr($text, 0, self::LONGEST_VALUE);
    }
}
