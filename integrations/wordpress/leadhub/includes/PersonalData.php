<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** The queue in WordPress' tools for exporting and erasing what is kept of a person. */
final class PersonalData
{
    private const ROWS = 100;

    public static function register(): void
    {
        add_filter('wp_privacy_personal_data_exporters', [self::class, 'addExporter']);
        add_filter('wp_privacy_personal_data_erasers', [self::class, 'addEraser']);
    }

    /** @param array<string, mixed> $exporters */
    public static function addExporter($exporters): array
    {
        $own = ['exporter_friendly_name' => 'LeadHub', 'callback' => [self::class, 'export']];
        return ['leadhub' => $own] + (array) $exporters;
    }

    /** @param array<string, mixed> $erasers */
    public static function addEraser($erasers): array
    {
        $own = ['eraser_friendly_name' => 'LeadHub', 'callback' => [self::class, 'erase']];
        return ['leadhub' => $own] + (array) $erasers;
    }

    /** @return array<string, mixed> */
    public static function export(string $email, int $page = 1): array
    {
        $items = [];
        foreach (QueueTable::ofPerson($email, self::ROWS) as $row) {
            $items[] = [
                'group_id' => 'leadhub',
                'group_label' => __('Entries on their way to LeadHub', 'leadhub'),
                'item_id' => 'leadhub-' . $row->id,
                'data' => [['name' => __('Entry', 'leadhub'), 'value' => esc_html($row->entry ?: $row->payload)]],
            ];
        }
        return ['data' => $items, 'done' => true];
    }

    /** @return array<string, mixed> */
    public static function erase(string $email, int $page = 1): array
    {
        $rows = QueueTable::ofPerson($email, self::ROWS);
        foreach ($rows as $row) {
            QueueTable::delete((int) $row->id);
        }
        return [
            'items_removed' => $rows !== [],
            'items_retained' => false,
            'messages' => [__('What LeadHub has of the person is erased in LeadHub.', 'leadhub')],
            'done' => count($rows) < self::ROWS,
        ];
    }
}
