<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** An answer of LeadHub, or the reason why there is none. */
final class ApiAnswer
{
    /** Statuses that another attempt with the same body cannot change. */
    private const FINAL_STATUSES = [400, 409, 413, 415, 422];

    /** 0 if no answer came. */
    public int $status = 0;
    /** @var array<string, mixed> */
    public array $data = [];
    /** Seconds, where LeadHub said so. */
    public ?int $retryAfter = null;
    private string $problem = '';

    /** @param array<string, mixed>|\WP_Error $response */
    public function __construct($response)
    {
        if (is_wp_error($response)) {
            $this->problem = $response->get_error_message();
            return;
        }
        $this->status = (int) wp_remote_retrieve_response_code($response);
        $data = json_decode(wp_remote_retrieve_body($response), true);
        $this->data = is_array($data) ? $data : [];
        $wait = (string) wp_remote_retrieve_header($response, 'retry-after');
        $this->retryAfter = preg_match('/^\d{1,6}$/D', $wait) ? (int) $wait : null;
    }

    /** Whether LeadHub stored the lead: a page of a proxy that answers 200 does not count. */
    public function isStored(): bool
    {
        return in_array($this->status, [201, 202], true) && isset($this->data['submission_id']);
    }

    public function isSuccess(): bool
    {
        return $this->status === 200 && $this->data !== [];
    }

    /** Whether this entry or its form alone is at fault, and LeadHub will not take it as it is. */
    public function isFinal(bool $is_for_form): bool
    {
        $is_final = in_array($this->status, self::FINAL_STATUSES, true) || ($is_for_form && $this->status === 404);
        return $is_final && isset($this->data['code']);
    }

    /** Whether LeadHub itself does not take the key, or not for leads. */
    public function isKeyRefused(): bool
    {
        return in_array($this->status, [401, 403], true) && isset($this->data['code']);
    }

    /** What went wrong, for the operator. */
    public function problem(): string
    {
        if ($this->status === 0) {
            /* translators: %s: what the network said */
            return sprintf(__('LeadHub cannot be reached: %s', 'leadhub'), $this->problem);
        }
        if (!isset($this->data['message']) || !is_string($this->data['message'])) {
            /* translators: %d: status of HTTP */
            $text = __('The address answers with status %d, but not as LeadHub does.', 'leadhub');
            return sprintf($text, $this->status);
        }
        return $this->status . ': ' . $this->data['message'] . $this->fieldProblems();
    }

    private function fieldProblems(): string
    {
        $texts = [];
        foreach ((array) ($this->data['errors'] ?? []) as $field => $messages) {
            $texts[] = $field . ': ' . implode(' ', array_filter((array) $messages, 'is_string'));
        }
        return $texts ? ' (' . implode('; ', $texts) . ')' : '';
    }
}
