<?php

/**
 * A client of LeadHub's API in one file, without a dependency. PHP 8.1 or newer.
 *
 *     require 'LeadHub.php';
 *     $leadHub = new LeadHub\Client('https://crm.example.com', 'lh_...');
 *     echo $leadHub->submitLead(['email' => 'grace@example.com'])['lead_id'];
 */

declare(strict_types=1);

namespace LeadHub;

/** Any failure of a call. */
class LeadHubError extends \RuntimeException
{
}

/** No answer of a LeadHub came: the host is away, the connection broke, the time was up, or it is not JSON. */
final class ConnectionFailed extends LeadHubError
{
}

/** A message is not from LeadHub, or is too old. */
final class InvalidWebhook extends LeadHubError
{
}

/** An answer that is no success. `errorCode` tells which: `VALIDATION_FAILED`, `RATE_LIMITED`, `NOT_FOUND`. */
final class ApiError extends LeadHubError
{
    public readonly string $errorCode;
    /** @var array<string, list<string>> all messages by field */
    public readonly array $errors;
    /** What to tell the operator. */
    public readonly ?string $requestId;
    /** Where to go on in the feed of events, if it is a 410 of that. */
    public readonly ?string $oldestCursor;

    /** @param array<string, mixed> $body */
    public function __construct(
        public readonly int $status,
        array $body,
        /** Seconds, where the server said so. */
        public readonly ?int $retryAfter,
        ?string $requestId,
    ) {
        $this->errorCode = (string) ($body['code'] ?? 'HTTP_ERROR');
        $this->errors = (array) ($body['errors'] ?? []);
        $this->requestId = $body['request_id'] ?? $requestId;
        $this->oldestCursor = $body['oldest_cursor'] ?? null;
        $fields = array_map(
            static fn (string $field, array $messages): string => $field . ': ' . implode(' ', $messages),
            array_keys($this->errors),
            $this->errors,
        );
        $told = $fields === [] ? '' : ' (' . implode('; ', $fields) . ')';
        parent::__construct("$status {$this->errorCode}: " . (string) ($body['message'] ?? '') . $told, $status);
    }
}

/**
 * A workspace's events, oldest first, read answer by answer while they are iterated over.
 *
 * It ends where nothing more is there; with `wait` it never ends. Whatever ends a loop, another one, over this feed or
 * a new one, goes on from `cursor`.
 *
 * @implements \IteratorAggregate<int, array<string, mixed>>
 */
final class EventFeed implements \IteratorAggregate
{
    private const NEWEST = 'now';

    /**
     * Where to go on another time. It moves when the next answer is asked for: whoever fails amid the events of one
     * gets these again, and misses none.
     */
    public ?string $cursor;

    /**
     * Client::events() makes it.
     *
     * @param array<string, scalar|null> $query
     * @param \Closure(array<string, scalar|null>): array<string, mixed> $ask gives the answer to a query
     */
    public function __construct(private readonly array $query, private readonly \Closure $ask)
    {
        $this->cursor = $query['after'] ?? null;
    }

    /** @return \Generator<int, array<string, mixed>> */
    public function getIterator(): \Generator
    {
        $place = 0;
        foreach ($this->pages() as $page) {
            foreach ($page as $event) {
                yield $place++ => $event;
            }
        }
    }

    /**
     * The events of one answer after another, and no empty ones.
     *
     * @return \Generator<int, list<array<string, mixed>>>
     * @throws ApiError 410, if the cursor is too old: its `oldestCursor` is where to go on
     */
    public function pages(): \Generator
    {
        if ($this->cursor === self::NEWEST) {
            // "now" is later each time: a first answer that waited could not be asked for again.
            [, $this->cursor] = $this->read(['wait' => null]);
        }
        do {
            [$events, $next] = $this->read();
            if ($events !== []) {
                yield $events;
            }
            $this->cursor = $next;
        } while ($events !== [] || ($this->query['wait'] ?? 0));
    }

    /**
     * @param array<string, scalar|null> $changes
     * @return array{list<array<string, mixed>>, string} the events, and the cursor behind them
     */
    private function read(array $changes = []): array
    {
        $page = ($this->ask)([...$this->query, 'after' => $this->cursor, ...$changes]);
        [$events, $next] = [$page['data'] ?? null, $page['meta']['next_cursor'] ?? null];
        // Without a cursor the next answer would begin with the oldest event.
        return is_array($events) && is_string($next)
            ? [$events, $next]
            : throw new ConnectionFailed('GET /api/v1/events: the answer has no events or no cursor');
    }
}

/** A client of one LeadHub, with one key. */
final class Client
{
    public const VERSION = '0.1.0';
    private const NO_CONTENT = 204;
    private const RETRIED_STATUSES = [429, 502, 503, 504];
    private const FIRST_PAUSE_SECONDS = 0.5;
    private const LONGEST_PAUSE_SECONDS = 10.0;
    private const LARGEST_PAGE = 100; // records
    private const TOLERANCE_SECONDS = 300;

    private readonly string $baseUrl;
    private readonly \Closure $sleep;

    /**
     * @param ?string $tenant the slug of the key's workspace; without it the key is asked for it once
     * @param int $retries how often a call is tried again that may be
     * @param int $longestWait seconds that the client waits where the server says how long; beyond, the error tells
     * @param int $timeout seconds for one attempt
     * @param ?\Closure(float): void $sleep what the pauses between attempts are made of
     */
    public function __construct(
        string $baseUrl,
        private readonly string $apiKey,
        private ?string $tenant = null,
        private readonly int $retries = 5,
        private readonly int $longestWait = 60,
        private readonly int $timeout = 45,
        ?\Closure $sleep = null,
    ) {
        if (!preg_match('#^https?://[^/]#', $baseUrl)) {
            throw new \InvalidArgumentException("not the address of a LeadHub: $baseUrl");
        }
        if (!preg_match('/^lh_[\x21-\x7e]+$/D', $apiKey)) {
            throw new \InvalidArgumentException('an API key begins with lh_');
        }
        $this->baseUrl = rtrim($baseUrl, '/');
        $this->sleep = $sleep ?? static function (float $seconds): void {
            usleep((int) ($seconds * 1_000_000));
        };
    }

    /**
     * Send a lead, once, however often it has to be sent: a person who is known already is not doubled.
     *
     * @param array<string, mixed> $lead `email`, and any other field of a lead
     * @param ?string $idempotencyKey of your own, where your program may send the lead once more
     * @param ?int $wait for how many seconds (1 to 30) the answer waits for the lead's id; 0: not at all
     * @return array<string, mixed> `status`, `lead_id`, `is_duplicate`, `submission_id`
     */
    public function submitLead(array $lead, ?string $idempotencyKey = null, ?int $wait = null): array
    {
        $headers = self::submitHeaders($idempotencyKey, $wait);
        $path = '/api/inbound/leads?' . http_build_query(['tenant' => $this->tenant()]);
        return $this->request('POST', $path, (object) $lead, $headers);
    }

    /**
     * Send up to a thousand leads. A bad one fails alone: its `status` is `invalid`, and `errors` says why.
     *
     * @param list<array<string, mixed>> $leads
     * @return list<array<string, mixed>> what became of each, in order
     */
    public function submitLeads(array $leads, ?string $idempotencyKey = null, ?int $wait = null): array
    {
        $headers = self::submitHeaders($idempotencyKey, $wait);
        $path = '/api/inbound/leads/batch?' . http_build_query(['tenant' => $this->tenant()]);
        return $this->request('POST', $path, array_values($leads), $headers)['data'];
    }

    /**
     * Fill in a form, by the keys of its fields. The answer is that of submitLead().
     *
     * @param array<string, mixed> $values
     * @return array<string, mixed>
     */
    public function submitForm(int $formId, array $values, ?string $idempotencyKey = null, ?int $wait = null): array
    {
        $headers = self::submitHeaders($idempotencyKey, $wait);
        return $this->request('POST', "/api/v1/forms/$formId/submissions", (object) $values, $headers);
    }

    /**
     * All records of a list that match, read page by page while they are iterated over.
     *
     * @param string $noun such as `leads`, `tags` or `leads/7/activities`
     * @param array<string, scalar> $query the list's filters
     * @return \Generator<int, array<string, mixed>>
     */
    public function list(string $noun, array $query = []): \Generator
    {
        $cursor = '';
        $place = 0;
        while ($cursor !== null) {
            $parameters = self::queryText(['per_page' => self::LARGEST_PAGE, ...$query, 'cursor' => $cursor]);
            $page = $this->request('GET', "/api/v1/$noun?$parameters");
            foreach ($page['data'] as $record) {
                yield $place++ => $record;
            }
            if ($page['meta']['next_cursor'] === $cursor) {
                throw new LeadHubError("GET /api/v1/$noun: the same next_cursor came twice");
            }
            $cursor = $page['meta']['next_cursor'];
        }
    }

    /**
     * The workspace's events, oldest first, to iterate over. They are recorded from the first request on.
     *
     * `after` is the `cursor` of the last time, or `now`; without it the oldest event that is kept comes first. With
     * `wait`, the seconds (1 to 25) that an answer waits for an event, the iterator never ends.
     *
     * @param array<string, scalar|null> $query `after`, `types`, `wait`, `limit`
     */
    public function events(array $query = []): EventFeed
    {
        return new EventFeed(
            $query,
            fn (array $asked): array => $this->request('GET', '/api/v1/events?' . self::queryText($asked)),
        );
    }

    /**
     * One record: `$leadHub->get('leads/7')`.
     *
     * @return array<string, mixed>
     */
    public function get(string $path): array
    {
        return $this->request('GET', "/api/v1/$path")['data'];
    }

    /**
     * Any request of the API. A GET, and whatever has an idempotency key, is tried again.
     *
     * @param array<string, string> $headers
     * @return array<string, mixed> the answer's JSON; empty where it has none
     * @throws ApiError
     * @throws ConnectionFailed
     */
    public function request(string $method, string $path, array|object|null $body = null, array $headers = []): array
    {
        $mayRepeat = $method === 'GET' || isset($headers['Idempotency-Key']);
        for ($attempt = 0;; $attempt++) {
            try {
                return $this->requestOnce($method, $path, $body, $headers);
            } catch (ApiError | ConnectionFailed $error) {
                $pause = $mayRepeat ? $this->secondsToWait($attempt, $error) : null;
                if ($pause === null) {
                    throw $error;
                }
            }
            ($this->sleep)($pause);
        }
    }

    /** The slug of the key's workspace. */
    public function tenant(): string
    {
        return $this->tenant ??= $this->get('me')['workspace']['slug'];
    }

    /**
     * The event of a message, once it is known to be genuine and fresh. A message may come twice: its `id` tells.
     *
     * @param array<string, string|list<string>> $headers as getallheaders() has them
     * @param string $body what came: file_get_contents('php://input')
     * @param string $secret the subscription's, with its `whsec_`
     * @return array<string, mixed>
     * @throws InvalidWebhook
     */
    public static function verifyWebhook(
        array $headers,
        string $body,
        string $secret,
        int $tolerance = self::TOLERANCE_SECONDS,
        ?int $now = null,
    ): array {
        [$id, $time, $signatures] = self::webhookHeaders($headers);
        if (!preg_match('/^\d+$/D', $time) || abs(($now ?? time()) - (int) $time) > $tolerance) {
            throw new InvalidWebhook('The message is too old or from the future.');
        }
        $key = base64_decode((string) preg_replace('/^whsec_/', '', $secret), true);
        if ($key === false || $key === '') {
            throw new InvalidWebhook("The secret is not one of LeadHub's: whsec_ and Base64.");
        }
        $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
        $isGenuine = static fn (string $signature): bool => hash_equals($expected, $signature);
        if (array_filter(explode(' ', $signatures), $isGenuine) === []) {
            throw new InvalidWebhook('No signature matches.');
        }
        $event = json_decode($body, true);
        return is_array($event) ? $event : throw new InvalidWebhook('The body is not JSON.');
    }

    /**
     * @param array<string, string|list<string>> $headers
     * @return array{string, string, string}
     */
    private static function webhookHeaders(array $headers): array
    {
        $named = array_change_key_case($headers);
        $values = [];
        foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
            $value = $named[$name] ?? '';
            $values[] = is_array($value) ? implode(' ', $value) : $value;
            if (end($values) === '') {
                throw new InvalidWebhook("The header $name is missing.");
            }
        }
        return $values;
    }

    /** @return array<string, string> */
    private static function submitHeaders(?string $idempotencyKey, ?int $wait): array
    {
        $headers = ['Idempotency-Key' => $idempotencyKey ?? bin2hex(random_bytes(16))];
        return $wait === null ? $headers : $headers + ['Prefer' => $wait ? "wait=$wait" : 'respond-async'];
    }

    /** @param array<string, scalar|null> $query */
    private static function queryText(array $query): string
    {
        $asText = static fn (mixed $value): mixed => is_bool($value) ? var_export($value, true) : $value;
        return http_build_query(array_map($asText, $query), '', '&', PHP_QUERY_RFC3986);
    }

    /** The seconds until the next attempt; null if there is to be none. */
    private function secondsToWait(int $attempt, LeadHubError $error): ?float
    {
        if ($attempt >= $this->retries) {
            return null;
        }
        if ($error instanceof ApiError) {
            if (!in_array($error->status, self::RETRIED_STATUSES, true)) {
                return null;
            }
            if ($error->retryAfter !== null) {
                return $error->retryAfter <= $this->longestWait ? (float) $error->retryAfter : null;
            }
        }
        $most = min(self::LONGEST_PAUSE_SECONDS, self::FIRST_PAUSE_SECONDS * 2 ** $attempt);
        return $most * random_int(500, 1000) / 1000; // so that many clients do not come back at once
    }

    /**
     * @param array<string, string> $headers
     * @return array<string, mixed>
     */
    private function requestOnce(string $method, string $path, array|object|null $body, array $headers): array
    {
        $headers += [
            'Authorization' => "Bearer {$this->apiKey}",
            'Accept' => 'application/json',
            'User-Agent' => 'leadhub-client-php/' . self::VERSION,
        ];
        $text = $body === null ? null : json_encode($body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);
        if ($text !== null) {
            $headers['Content-Type'] = 'application/json';
        }
        $lines = array_map(static fn ($name, $value): string => "$name: $value", array_keys($headers), $headers);
        [$status, $answered, $content] = function_exists('curl_init')
            ? $this->sendByCurl($method, $path, $text, $lines)
            : $this->sendByStream($method, $path, $text, $lines);
        $data = $content === '' ? [] : json_decode($content, true);
        if ($status >= 200 && $status < 300) {
            $isObject = is_array($data) && str_starts_with(ltrim($content), '{');
            if (!$isObject && $status !== self::NO_CONTENT) {
                throw new ConnectionFailed("$method $path: the answer is not an object of JSON");
            }
            return $isObject ? $data : [];
        }
        $after = $answered['retry-after'] ?? '';
        $wait = preg_match('/^\d+$/D', $after) ? (int) $after : null;
        throw new ApiError($status, is_array($data) ? $data : [], $wait, $answered['x-request-id'] ?? null);
    }

    /**
     * @param list<string> $headers
     * @return array{int, array<string, string>, string}
     */
    private function sendByCurl(string $method, string $path, ?string $text, array $headers): array
    {
        $answered = [];
        $request = curl_init($this->baseUrl . $path);
        curl_setopt_array($request, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CONNECTTIMEOUT => 5,
            CURLOPT_TIMEOUT => $this->timeout,
            CURLOPT_HEADERFUNCTION => static function ($_, string $line) use (&$answered): int {
                self::readHeader($line, $answered);
                return strlen($line);
            },
        ] + ($text === null ? [] : [CURLOPT_POSTFIELDS => $text]));
        $content = curl_exec($request);
        if ($content === false) {
            throw new ConnectionFailed("$method $path: " . curl_error($request));
        }
        return [curl_getinfo($request, CURLINFO_RESPONSE_CODE), $answered, (string) $content];
    }

    /**
     * @param list<string> $headers
     * @return array{int, array<string, string>, string}
     */
    private function sendByStream(string $method, string $path, ?string $text, array $headers): array
    {
        $options = [
            'method' => $method,
            'header' => [...$headers, 'Connection: close'],
            'protocol_version' => 1.1,
            'timeout' => $this->timeout,
            'ignore_errors' => true,
            'follow_location' => 0,
        ] + ($text === null ? [] : ['content' => $text]);
        $stream = @fopen($this->baseUrl . $path, 'r', false, stream_context_create(['http' => $options]));
        $content = $stream === false ? false : stream_get_contents($stream);
        if ($stream === false || $content === false) {
            throw new ConnectionFailed("$method $path: " . (error_get_last()['message'] ?? 'no answer'));
        }
        $lines = stream_get_meta_data($stream)['wrapper_data'];
        $answered = [];
        array_walk($lines, static function (string $line) use (&$answered): void {
            self::readHeader($line, $answered);
        });
        return [(int) (explode(' ', $lines[0])[1] ?? 0), $answered, $content];
    }

    /** @param array<string, string> $headers */
    private static function readHeader(string $line, array &$headers): void
    {
        [$name, $value] = explode(':', $line, 2) + [1 => ''];
        $headers[strtolower(trim($name))] = trim($value);
    }
}
