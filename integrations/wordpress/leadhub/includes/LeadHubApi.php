<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** The requests of LeadHub's API that the plugin makes, by WordPress' own HTTP client. */
final class LeadHubApi
{
    private const LARGEST_ANSWER = 65536; // bytes

    /** @return ApiAnswer the key's scopes and workspace in `data` */
    public static function showKey(int $timeout): ApiAnswer
    {
        return self::request('GET', '/api/v1/me', null, [], $timeout);
    }

    /** @param string $lead a lead as JSON */
    public static function submitLead(string $lead, string $workspace, string $entry_key, int $timeout): ApiAnswer
    {
        $headers = ['Idempotency-Key' => $entry_key, 'Prefer' => 'respond-async'];
        $path = '/api/inbound/leads?' . http_build_query(['tenant' => $workspace]);
        return self::request('POST', $path, $lead, $headers, $timeout);
    }

    /** @param string $answers of a form of LeadHub, by the keys of its fields, as JSON */
    public static function submitForm(int $form_number, string $answers, string $entry_key, int $timeout): ApiAnswer
    {
        $headers = ['Idempotency-Key' => $entry_key, 'Prefer' => 'respond-async'];
        return self::request('POST', "/api/v1/forms/$form_number/submissions", $answers, $headers, $timeout);
    }

    /** Ask whether a lead would be taken. Nothing is stored. */
    public static function tryLead(string $workspace, int $timeout): ApiAnswer
    {
        $path = '/api/inbound/leads?' . http_build_query(['tenant' => $workspace, 'dry_run' => 'true']);
        return self::request('POST', $path, '{"email":"test@example.com"}', [], $timeout);
    }

    /** @param array<string, string> $headers */
    private static function request(
        string $method,
        string $path,
        ?string $body,
        array $headers,
        int $timeout
    ): ApiAnswer {
        $headers += ['Authorization' => 'Bearer ' . Settings::apiKey(), 'Accept' => 'application/json'];
        $request = [
            'method' => $method,
            'timeout' => $timeout,
            'redirection' => 0, // the key goes to no other address
            'limit_response_size' => self::LARGEST_ANSWER,
            'user-agent' => 'leadhub-wordpress/' . Plugin::VERSION,
            'headers' => $body === null ? $headers : $headers + ['Content-Type' => 'application/json'],
        ];
        if ($body !== null) {
            $request['body'] = $body;
        }
        $url = Settings::url() . $path;
        if (self::isGuarded() && !wp_http_validate_url($url)) {
            return new ApiAnswer(new \WP_Error('leadhub_private_address', self::privateProblem()));
        }
        $send = self::isGuarded() ? 'wp_safe_remote_request' : 'wp_remote_request';
        return new ApiAnswer($send($url, $request));
    }

    private static function privateProblem(): string
    {
        /* translators: %s: name of a constant */
        $more = __('To allow others, define %s as true in wp-config.php.', 'leadhub');
        $text = __('Sites of a network may name public addresses alone, with port 80, 443 or 8080.', 'leadhub');
        return $text . ' ' . sprintf($more, 'LEADHUB_ALLOW_PRIVATE_ADDRESS');
    }

    /** An admin of one site of a network may not look into the network of the server. */
    private static function isGuarded(): bool
    {
        $allowed = defined('LEADHUB_ALLOW_PRIVATE_ADDRESS') && LEADHUB_ALLOW_PRIVATE_ADDRESS;
        return is_multisite() && !$allowed && !Settings::isFixed();
    }
}
