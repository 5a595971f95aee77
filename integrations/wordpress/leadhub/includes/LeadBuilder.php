<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** Makes a lead of an entry, within the limits of LeadHub's API. Pure. */
final class LeadBuilder
{
    /** Fields of a lead, with their longest text in characters. */
    public const LEAD_FIELDS = [
        'email' => 254,
        'full_name' => 255,
        'first_name' => 255,
        'last_name' => 255,
        'phone' => 255,
        'company' => 255,
        'job_title' => 255,
        'country' => 100,
        'notes' => 10000,
        'tags' => 100,
    ];
    /** What else a field may become. */
    public const OTHER_TARGETS = ['custom', 'consent', 'consent_required', 'ignore'];
    /** The custom field that names what was cut or left out. */
    public const SHORTENED = 'shortened';
    private const LONGEST_CUSTOM_TEXT = 2000; // characters
    private const MOST_CUSTOM_FIELDS = 150;
    private const MOST_TAGS = 50;
    private const LONGEST_MARK = 1000; // characters

    /** @var array<string, mixed> */
    private array $lead = [];
    /** @var array<string, mixed> */
    private array $custom = [];
    /** @var array<string, bool> custom fields that are consents */
    private array $consents = [];
    /** @var array<int, array{string, string}> labels and texts */
    private array $notes = [];
    /** @var string[] labels of answers that are longer than LeadHub takes */
    private array $shortened = [];
    private bool $isRefused = false;

    /**
     * Return the lead of an entry; null if the visitor did not give a consent that the form's operator asks for.
     *
     * @param FormEntry                $entry
     * @param array<string, string>    $mapping     chosen targets by the keys of fields; others are guessed
     * @param array<string, string>    $attribution custom fields that say where the visitor came from
     * @return array<string, mixed>|null
     */
    public static function build(FormEntry $entry, array $mapping, array $attribution, string $source): ?array
    {
        $builder = new self();
        foreach ($entry->fields as $field) {
            $target = self::targetOf($field, $mapping);
            $builder->add($target, $field);
        }
        // Some plugins leave out a box that was not ticked.
        $required = array_keys($mapping, 'consent_required', true);
        if ($builder->isRefused || array_diff($required, array_column($entry->fields, 'key'))) {
            return null;
        }
        $builder->splitName();
        $builder->lead['source'] = $source;
        $builder->joinNotes();
        if ($entry->formTitle !== '') {
            $attribution += ['form' => mb_substr($entry->formTitle, 0, 255)];
        }
        $custom = $builder->orderedCustom($attribution);
        if ($custom !== []) {
            $builder->lead['custom_fields'] = array_slice($custom, 0, self::MOST_CUSTOM_FIELDS, true);
        }
        $omitted = array_map('strval', array_keys(array_slice($custom, self::MOST_CUSTOM_FIELDS, null, true)));
        return self::noteShortened($builder->lead, $builder->shortened, array_merge($omitted, $entry->omitted));
    }

    /**
     * The lead with a custom field that names what was cut and what was left out; as it is if nothing was.
     *
     * @param array<string, mixed> $lead
     * @param string[]             $shortened
     * @param string[]             $omitted
     * @return array<string, mixed>
     */
    public static function noteShortened(array $lead, array $shortened, array $omitted): array
    {
        $mark = (string) ($lead['custom_fields'][self::SHORTENED] ?? '');
        foreach (['Shortened: ' => $shortened, 'Left out: ' => $omitted] as $title => $labels) {
            if ($labels !== []) {
                $mark .= ($mark === '' ? '' : '; ') . $title . implode(', ', array_unique($labels));
            }
        }
        if ($mark !== '') {
            $custom = $lead['custom_fields'] ?? [];
            $lead['custom_fields'] = [self::SHORTENED => mb_substr($mark, 0, self::LONGEST_MARK)] + $custom;
        }
        return $lead;
    }

    /**
     * @param array<string, mixed>  $field
     * @param array<string, string> $mapping
     */
    public static function targetOf(array $field, array $mapping): string
    {
        $chosen = $mapping[$field['key']] ?? '';
        // A password is never sent, whatever was chosen.
        if ($chosen === '' || strtolower($field['type']) === 'password') {
            return FieldGuess::target($field['type'], $field['label'], $field['key']);
        }
        return $chosen;
    }

    /** @param array<string, mixed> $field */
    private function add(string $target, array $field): void
    {
        $text = self::textOf($field['value']);
        if ($target === 'consent' || $target === 'consent_required') {
            $isGiven = self::isTicked($text);
            $this->isRefused = $this->isRefused || ($target === 'consent_required' && !$isGiven);
            $this->consents[$this->addCustom('consent_' . self::slug($field), $isGiven)] = true;
            return;
        }
        if ($target === 'ignore' || $text === '') {
            return;
        }
        if ($target === 'tags') {
            $tags = array_map('trim', is_array($field['value']) ? self::leaves($field['value']) : explode(',', $text));
            $this->addTags(array_filter($tags, 'strlen'), $field);
        } elseif ($target === 'notes') {
            $this->notes[] = [self::labelOf($field), $text];
        } elseif (isset(self::LEAD_FIELDS[$target]) && !isset($this->lead[$target]) && self::fits($target, $text)) {
            $this->lead[$target] = $this->cut($text, self::LEAD_FIELDS[$target], self::labelOf($field));
        } else {
            $text = $this->cut($text, self::LONGEST_CUSTOM_TEXT, self::labelOf($field));
            $this->addCustom(self::slug($field), $text);
        }
    }

    private function cut(string $text, int $length, string $label): string
    {
        if (mb_strlen($text) > $length) {
            $this->shortened[] = mb_substr($label, 0, 100);
        }
        return mb_substr($text, 0, $length);
    }

    /** More than one text: each with its label in front. */
    private function joinNotes(): void
    {
        $texts = [];
        $room = self::LEAD_FIELDS['notes'];
        foreach ($this->notes as [$label, $text]) {
            $text = count($this->notes) > 1 ? $label . ': ' . $text : $text;
            $texts[] = $this->cut($text, max(0, $room), $label);
            $room -= mb_strlen($text) + 1; // and a line break
        }
        if ($texts !== []) {
            $this->lead['notes'] = implode("\n", array_filter($texts, 'strlen'));
        }
    }

    /**
     * Custom fields in the order of their weight, since limits drop the last ones: consents, then where the visitor
     * came from, then all other answers.
     *
     * @param array<string, string> $attribution
     * @return array<string, mixed>
     */
    private function orderedCustom(array $attribution): array
    {
        $consents = array_intersect_key($this->custom, $this->consents);
        $own = array_intersect_key($this->custom, $attribution); // an answer of the form itself wins
        return $consents + $own + $attribution + $this->custom;
    }

    /** An address that is none would have the whole entry refused: it becomes a custom field. */
    private static function fits(string $target, string $text): bool
    {
        return $target !== 'email' || (is_email($text) && strlen($text) <= self::LEAD_FIELDS['email']);
    }

    /**
     * @param string[]             $tags
     * @param array<string, mixed> $field
     */
    private function addTags(array $tags, array $field): void
    {
        $known = $this->lead['tags'] ?? [];
        foreach ($tags as $tag) {
            $known[] = $this->cut($tag, self::LEAD_FIELDS['tags'], self::labelOf($field));
        }
        $known = array_values(array_unique($known));
        if (count($known) > self::MOST_TAGS) {
            $this->shortened[] = mb_substr(self::labelOf($field), 0, 100);
        }
        $this->lead['tags'] = array_slice($known, 0, self::MOST_TAGS);
    }

    /**
     * @param string|bool $value
     * @return string the key that it got
     */
    private function addCustom(string $key, $value): string
    {
        $free = $key;
        for ($number = 2; isset($this->custom[$free]) || $free === self::SHORTENED; $number++) {
            $free = mb_substr($key, 0, 95) . '_' . $number;
        }
        $this->custom[$free] = $value;
        return $free;
    }

    private function splitName(): void
    {
        $full = trim((string) ($this->lead['full_name'] ?? ''));
        unset($this->lead['full_name']);
        if ($full === '' || isset($this->lead['first_name']) || isset($this->lead['last_name'])) {
            return;
        }
        $parts = preg_split('/\s+/u', $full, 2);
        $this->lead['first_name'] = $parts[0];
        if (isset($parts[1])) {
            $this->lead['last_name'] = $parts[1];
        }
    }

    /** @param array<string, mixed> $field */
    public static function labelOf(array $field): string
    {
        $label = trim(wp_strip_all_tags(html_entity_decode((string) $field['label'], ENT_QUOTES, 'UTF-8')));
        return $label !== '' ? $label : (string) $field['key'];
    }

    /** @param mixed $value */
    public static function textOf($value): string
    {
        $text = is_array($value) ? implode(', ', array_filter(self::leaves($value), 'strlen')) : (string) $value;
        return trim(wp_check_invalid_utf8(str_replace("\0", '', html_entity_decode($text, ENT_QUOTES, 'UTF-8')), true));
    }

    /**
     * @param array<mixed> $value
     * @return string[]
     */
    private static function leaves(array $value): array
    {
        $texts = [];
        array_walk_recursive($value, static function ($leaf) use (&$texts): void {
            $texts[] = is_scalar($leaf) ? (string) $leaf : '';
        });
        return $texts;
    }

    private static function isTicked(string $text): bool
    {
        return !in_array(strtolower($text), ['', '0', 'no', 'off', 'false', 'unchecked'], true);
    }

    /** @param array<string, mixed> $field */
    private static function slug(array $field): string
    {
        foreach ([$field['label'], $field['key'], 'field'] as $text) {
            $text = wp_strip_all_tags(html_entity_decode((string) $text, ENT_QUOTES, 'UTF-8'));
            $slug = trim((string) preg_replace('/[^\p{L}\p{M}\p{N}]+/u', '_', self::lower($text)), '_');
            if ($slug !== '') {
                return mb_substr($slug, 0, 60);
            }
        }
        return 'field';
    }

    /** WordPress stands in for mb_substr() where PHP has no mbstring, but not for this. */
    private static function lower(string $text): string
    {
        return function_exists('mb_strtolower') ? mb_strtolower($text, 'UTF-8') : strtolower($text);
    }
}
