<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** Says which field of a lead a field of a form is: by its type first, then by its label and its name. Pure. */
final class FieldGuess
{
    private const TARGETS_BY_TYPE = [
        'email' => 'email',
        'tel' => 'phone',
        'phone' => 'phone',
        'name' => 'full_name',
        'first_name' => 'first_name',
        'last_name' => 'last_name',
        'firstname' => 'first_name',
        'lastname' => 'last_name',
        'country' => 'country',
        'acceptance' => 'consent',
        'consent' => 'consent',
        'gdpr' => 'consent',
        'gdpr-checkbox' => 'consent',
        'gdpr_agreement' => 'consent',
        'terms_and_condition' => 'consent',
        FormEntry::UNLISTED => 'custom',
        'password' => 'ignore',
        'captcha' => 'ignore',
        'recaptcha' => 'ignore',
        'honeypot' => 'ignore',
        'html' => 'ignore',
        'submit' => 'ignore',
    ];

    /** From the narrow to the wide: a first name is a name, too. */
    private const WORDS = [
        'email' => 'e-?mail|courriel|correo|البريد|بريد|ایمیل',
        'phone' => 'phone|mobile|whats-?app|\btel\b|telefon|téléphone|teléfono|handy|celular|هاتف|جوال|موبايل',
        'company' => 'company|organi[sz]ation|business name|firma|unternehmen|entreprise|empresa|شركة|الشركة|مؤسسة',
        'job_title' => 'job.?title|position|\brole\b|beruf|\bposte\b|\bcargo\b|المسمى|الوظيفة',
        'first_name' => '(?:first|given).?name|\bfname\b|vorname|prénom|nombre de pila|الاسم الأول',
        'last_name' => '(?:last|family).?name|surname|\blname\b|nachname|nom de famille|apellido|العائلة|الأخير|اللقب',
        'country' => 'country|\bland\b|\bpays\b|país|الدولة|البلد|دولة',
        'consent' => 'consent|\bagree\b|privacy|gdpr|terms|newsletter|datenschutz|einwillig|acepto|أوافق|موافق|خصوصية',
        'full_name' => '\bname\b|full.?name|your.?name|\bnom\b|nombre|\bnome\b|الاسم|اسمك|اسم',
        'notes' => 'message|comment|enquiry|inquiry|question|nachricht|mensaje|mensagem|رسالة|ملاحظات|استفسار',
    ];
    private const NO_NAMES = '/user.?name|file.?name|product|event|page|form.?name|company/iu';

    public static function target(string $type, string $label, string $key): string
    {
        $type = strtolower(trim($type));
        if (isset(self::TARGETS_BY_TYPE[$type])) {
            return self::TARGETS_BY_TYPE[$type];
        }
        foreach ([$label, str_replace(['-', '_'], ' ', $key)] as $text) {
            $target = self::byWords($text, $type);
            if ($target !== '') {
                return $target;
            }
        }
        return $type === 'textarea' ? 'notes' : 'custom';
    }

    private static function byWords(string $text, string $type): string
    {
        foreach (self::WORDS as $target => $words) {
            if (!preg_match('/' . $words . '/iu', $text)) {
                continue;
            }
            if ($target === 'consent' && $type !== '' && strpos($type, 'check') === false) {
                continue; // a consent is a tick, not a text
            }
            if (substr($target, -5) === '_name' && preg_match(self::NO_NAMES, $text)) {
                continue;
            }
            return $target;
        }
        return '';
    }
}
