<?php

// The scenarios of the PHP client's tests. Settings come as JSON in the environment; what it prints is JSON.

declare(strict_types=1);

require getenv('CLIENT_FILE');

use LeadHub\ApiError;
use LeadHub\Client;
use LeadHub\ConnectionFailed;
use LeadHub\EventFeed;
use LeadHub\InvalidWebhook;
use LeadHub\LeadHubError;

$settings = json_decode((string) getenv('SETTINGS'), true, flags: JSON_THROW_ON_ERROR);

function show(mixed $value): void
{
    echo json_encode($value, JSON_THROW_ON_ERROR), "\n";
    flush();
}

function failureOf(Closure $call): mixed
{
    try {
        return $call();
    } catch (ApiError $error) {
        return [
            'status' => $error->status,
            'code' => $error->errorCode,
            'fields' => array_keys($error->errors),
            'id' => $error->requestId !== null,
        ];
    } catch (ConnectionFailed) {
        return 'no answer';
    }
}

function create(array $settings): void
{
    $client = new Client($settings['url'], $settings['key']);
    $created = $client->submitLead(['email' => 'php@example.com', 'first_name' => 'Zoë', 'source' => 'php'], wait: 30);
    $again = $client->submitLead(['email' => 'PHP@example.com', 'tags' => ['elephant']], wait: 30);
    $batch = $client->submitLeads([['email' => 'php-batch@example.com'], ['email' => 'no address']], wait: 30);
    $fields = [['key' => 'mail', 'label' => 'E-mail', 'type' => 'email', 'maps_to' => 'email']];
    $form = $client->request('POST', '/api/v1/forms', ['name' => 'PHP', 'fields' => $fields])['data'];
    $filled = $client->submitForm($form['id'], ['mail' => 'php-form@example.com'], wait: 30);
    $path = "leads/{$created['lead_id']}";
    show([
        'created' => $created,
        'again' => $again,
        'batch' => array_column($batch, 'status'),
        'filled' => $filled['status'],
        'found' => array_column(iterator_to_array($client->list('leads', ['tag' => 'elephant', 'starred' => false])), 'id'),
        'none' => iterator_to_array($client->list('leads', ['email' => 'nobody@example.com'])),
        'lead' => $client->get($path),
        'wrong' => failureOf(fn () => $client->request('POST', '/api/v1/leads', ['first_name' => 'A', 'email' => 'no'])),
        'deleted' => $client->request('DELETE', "/api/v1/$path"),
        'gone' => failureOf(fn () => $client->get($path)),
        'stranger' => failureOf(fn () => (new Client($settings['url'], 'lh_wrong'))->get('me')),
    ]);
}

function walk(array $settings): void
{
    $client = new Client($settings['url'], $settings['key']);
    show(array_column(iterator_to_array($client->list('leads', ['source' => $settings['source']])), 'id'));
}

/** The ids of a feed's events, until it ends, or fails, or so many have come: then the loop fails. */
function idsUntil(EventFeed $feed, int $stop = PHP_INT_MAX): array
{
    $ids = [];
    try {
        foreach ($feed as $event) {
            $ids[] = $event['id'];
            if (count($ids) === $stop) {
                throw new DomainException('amid the events of an answer');
            }
        }
    } catch (DomainException | ApiError) {
    }
    return $ids;
}

function events(array $settings): void
{
    $client = new Client($settings['url'], $settings['key']);
    $query = ['types' => $settings['types']];
    $feed = $client->events($query);
    $first = idsUntil($feed, $settings['stop']);
    $rest = $client->events(['after' => $feed->cursor] + $query);
    $ids = idsUntil($rest);
    $sizes = array_map('count', iterator_to_array($client->events(['limit' => 90] + $query)->pages()));
    show([
        'first' => $first,
        'rest' => $ids,
        'same' => idsUntil($feed),
        'more' => idsUntil($client->events(['after' => $rest->cursor] + $query)),
        'sizes' => $sizes,
    ]);
}

/** Reads on with another key where the first one's requests are used up. */
function refused_events(array $settings): void
{
    $query = ['types' => $settings['types']];
    $feed = (new Client($settings['url'], $settings['limited'], longestWait: 0))->events($query);
    $first = idsUntil($feed);
    $rest = (new Client($settings['url'], $settings['key']))->events(['after' => $feed->cursor] + $query);
    show(['first' => $first, 'rest' => idsUntil($rest)]);
}

/** Fails with the first event that it waited for, and goes on. */
function new_events(array $settings): void
{
    $client = new Client($settings['url'], $settings['key']);
    $ask = function (array $query) use ($client): array {
        if (isset($query['wait'])) {
            $client->submitLead(['email' => 'php-event-' . bin2hex(random_bytes(4)) . '@example.com']);
        }
        return $client->request('GET', '/api/v1/events?' . http_build_query($query));
    };
    $query = ['types' => $settings['types'], 'wait' => 25];
    $feed = new EventFeed(['after' => 'now'] + $query, $ask);
    $first = idsUntil($feed, 1);
    show(['first' => $first, 'again' => idsUntil($client->events(['after' => $feed->cursor] + $query), 1)]);
}

function gone_events(array $settings): void
{
    $client = new Client($settings['url'], $settings['key']);
    try {
        foreach ($client->events(['after' => $settings['after']]) as $event) {
            show($event);
        }
    } catch (ApiError $error) {
        $rest = idsUntil($client->events(['after' => $error->oldestCursor]));
        show(['status' => $error->status, 'oldest' => $error->oldestCursor, 'rest' => $rest]);
    }
}

/** A success without content has no cursor: from the oldest event on all would come again. */
function strange_events(array $settings): void
{
    $client = new Client($settings['strange'], 'lh_key', retries: 0);
    show(failureOf(fn () => iterator_to_array($client->events(['wait' => 25]))));
}

function limit(array $settings): void
{
    $admin = new Client($settings['url'], $settings['key']);
    $waits = [];
    $sleep = function (float $seconds) use ($admin, $settings, &$waits): void {
        $waits[] = $seconds;
        $admin->request('PATCH', "/api/v1/api-keys/{$settings['limited_id']}", ['rate_limit' => 1000]);
        usleep(250_000); // the service may know the old limit for a while
    };
    $client = new Client($settings['url'], $settings['limited'], retries: 40, longestWait: 3600, sleep: $sleep);
    $names = array_map(fn () => $client->get('me')['name'], range(1, 4));
    show(['waits' => $waits, 'names' => $names]);
}

function restart(array $settings): void
{
    $client = new Client($settings['url'], $settings['key'], retries: 40);
    for ($number = 0; $number < 40; $number++) {
        show($client->submitLead(['email' => "php-restart-$number@example.com", 'source' => 'php-restart']));
    }
}

function away(array $settings): void
{
    show(failureOf(fn () => (new Client($settings['away'], 'lh_key', retries: 0))->get('health')));
}

function strange(array $settings): void
{
    $outcome = function (Closure $call): string {
        try {
            $call();
            return 'taken';
        } catch (LeadHubError $error) {
            return (new ReflectionClass($error))->getShortName();
        }
    };
    show(array_map(function (string $url) use ($outcome): array {
        $client = new Client($url, 'lh_key', tenant: 'main', retries: 0);
        return [
            $outcome(fn () => $client->submitLead(['email' => 'a@example.com'])),
            $outcome(fn () => $client->request('GET', '/api/v1/health')),
            $outcome(fn () => iterator_to_array($client->list('leads'))),
            $outcome(fn () => $client->request('DELETE', '/api/v1/leads/1')),
        ];
    }, $settings['strange']));
}

function verify(array $settings): void
{
    show(array_map(function (array $message) use ($settings): string {
        try {
            $event = Client::verifyWebhook($message['headers'], $message['body'], $message['secret'], 300, $settings['now']);
            return $event['event'];
        } catch (InvalidWebhook $error) {
            return 'refused: ' . $error->getMessage();
        }
    }, $settings['messages']));
}

$argv[1]($settings);
