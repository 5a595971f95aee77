"""A person is found in the answers of a form in any common language, and nothing that they wrote is lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations.attribution import is_campaign_parameter
from shared.integrations.reading.contact_labels import kind_by_label, known_labels
from shared.integrations.reading.contact_reading import (
    MAX_LENGTHS,
    AnsweredField,
    ContactKind,
    answer_text,
    read_contact,
)
from shared.leads.inbound import INBOUND_LEAD

pytestmark = pytest.mark.unit

# Language: labels for name, first name, last name, email, phone, company, message.
LABELS = {
    "English": "Your name*|What's your first name?|Last Name|E-mail address|Phone (optional)|Company name|Message",
    "Spanish": "Nombre completo|Primer nombre|Apellidos:|Correo electrónico *|Teléfono|Nombre de la empresa|Mensaje",
    "Portuguese": "Seu nome|Primeiro nome|Sobrenome|Endereço de e-mail|Número de celular|Nome da empresa|Mensagem",
    "French": "Votre nom complet|Prénom|Nom de famille|1. Votre adresse e-mail :|Téléphone|Nom de l’entreprise|Message",
    "German": "Vor- und Nachname|Ihr Vorname|Nachname|E-Mail-Adresse (erforderlich)|Telefonnummer|Firma|Ihre Nachricht",
    "Italian": "Nome e cognome|Nome proprio|Cognome|Indirizzo e-mail|Numero di cellulare|Nome dell'azienda|Messaggio",
    "Dutch": "Volledige naam|Voornaam|Achternaam|E-mailadres|Telefoonnummer|Bedrijfsnaam|Bericht",
    "Swedish": "För- och efternamn|Förnamn|Efternamn|E-postadress|Mobilnummer|Företag|Meddelande",
    "Danish": "Fulde navn|Fornavn|Efternavn|E-mailadresse|Telefonnummer|Virksomhed|Besked",
    "Polish": "Imię i nazwisko|Imię|Nazwisko|Adres e-mail|Numer telefonu|Nazwa firmy|Wiadomość",
    "Czech": "Jméno a příjmení|Křestní jméno|Příjmení|E-mail|Číslo telefonu|Název společnosti|Zpráva",
    "Romanian": "Nume și prenume|Prenume|Nume de familie|Adresă de email|Număr de telefon|Companie|Mesaj",
    "Hungarian": "Teljes név|Keresztnév|Vezetéknév|E-mail cím|Telefonszám|Cég neve|Üzenet",
    "Greek": "Ονοματεπώνυμο|First name|Επώνυμο|Διεύθυνση email|Αριθμός τηλεφώνου|Όνομα εταιρείας|Μήνυμα",
    "Turkish": "Adınız Soyadınız|Ad|SOYADI|E-posta adresiniz|Telefon numarası|Şirket adı|Mesajınız",
    "Russian": "Как вас зовут?|First name|Фамилия|Электронная почта|Мобильный телефон|Название компании|Ваше сообщение",
    "Ukrainian": "Ім'я та прізвище|First name|Прізвище|Електронна пошта|Номер телефону|Назва компанії|Повідомлення",
    "Arabic": "الإسم الكامل|الاسم الأوّل|اسم العائلة|البريد الإلكتروني|رقم الهاتف (مطلوب)|اسم الشركة|الرسالة",
    "Persian": "نام و نام خانوادگی|نام کوچک|نام خانوادگی|ایمیل|شماره تماس|نام شرکت|پیام",
    "Hebrew": "שם מלא|שם פרטי|שם משפחה|דוא״ל|מספר טלפון|שם החברה|הודעה",
    "Hindi": "आपका पूरा नाम|पहला नाम|उपनाम|ईमेल|फ़ोन नंबर|कंपनी का नाम|संदेश",
    "Thai": "ชื่อ-นามสกุล|ชื่อจริง|นามสกุล|อีเมล|เบอร์โทรศัพท์|ชื่อบริษัท|ข้อความ",
    "Vietnamese": "Họ và tên|First name|Last name|Địa chỉ email|Số điện thoại|Tên công ty|Lời nhắn",
    "Indonesian": "Nama lengkap|Nama depan|Nama belakang|Alamat email|Nomor telepon|Nama perusahaan|Pesan",
    "Chinese": "请输入您的姓名|First name|姓氏|电子邮箱地址|手机号码|公司名称|留言",
    "Japanese": "お名前（必須）|名|姓|メールアドレス|お電話番号|会社名|お問い合わせ内容",
    "Korean": "이름을 입력해 주세요|First name|성|이메일 주소|휴대폰 번호|회사명|문의 내용",
    "key": "full_name|first_name|lastName|work_email|phoneNumber|company_name|ｍｅｓｓａｇｅ",
}
ROLES: tuple[ContactKind, ...] = ("full_name", "first_name", "last_name", "email", "phone", "company", "notes")
ANSWERS = {
    "full_name": "Ada Lovelace",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "phone": "+1 415 555 0123",
    "company": "Sample Ltd",
    "notes": "Please call.",
}


def read(*answers: tuple[str, Any]) -> dict[str, Any]:
    """Return the lead of labels and answers."""
    return read_contact([AnsweredField(value, label=label) for label, value in answers])


@pytest.mark.parametrize("language", LABELS)
@pytest.mark.parametrize("role", ROLES)
def test_label_of_any_language_is_understood(language: str, role: str) -> None:
    label = LABELS[language].split("|")[ROLES.index(role)]
    names = {"first_name": "Ada", "last_name": "Lovelace"}
    assert read((label, ANSWERS[role])) == (names if role == "full_name" else {role: ANSWERS[role]})


@pytest.mark.parametrize("language", LABELS)
def test_whole_form_of_any_language_is_understood(language: str) -> None:
    answers = zip(LABELS[language].split("|"), ANSWERS.values(), strict=True)
    assert read(*answers) == {name: value for name, value in ANSWERS.items() if name != "full_name"}


def test_every_listed_label_means_what_it_is_listed_for() -> None:
    wrong = [label for label, kind in known_labels() if kind_by_label(label) != kind and label != "ad"]
    assert wrong == []


@pytest.mark.parametrize(
    ("label", "answer"),
    [
        ("How did you hear about our company?", "A friend"),
        ("Name of your dog", "Rex"),
        ("Dog's name", "Rex"),
        ("Company size", "11-50"),
        ("Phone consent", "yes"),
        ("Phone consent", True),
        ("Preferred contact method: email or phone", "phone"),
        ("Country of birth?", "France"),
        ("Do you have a phone?", "yes"),
        ("How many phones do you need?", "1200000"),
        ("When may we phone you?", "2026-03-28"),
        ("Phone model", "12345678"),
        ("Child's first name", "Max"),
        ("Emergency contact phone number", "+14155550123"),
        ("Friend's email", "friend@example.com"),
        ("Product name", "Lamp"),
        ("Form name", "Contact"),
        ("Campaign name", "Spring"),
        ("Street address", "1 Example Street"),
        ("Title", "Mrs."),
        ("Land", "5 hectares"),
        ("Name", "ada@example.com"),
        ("Name", "https://example.com"),
        ("Name", 12345),
        ("Email", "none"),
        ("Phone", "no"),
        ("Newsletter", ["Sport", "News"]),
        ("What would you like to say to our company's founder?", "Hello"),
        ("ad", "Spring offer"),
    ],
)
def test_label_that_only_sounds_like_a_field_is_none(label: str, answer: Any) -> None:
    lead = read((label, answer))
    assert list(lead) == ["custom_fields"]
    assert list(lead["custom_fields"].values()) == [answer]


@pytest.mark.parametrize(
    ("label", "answer", "expected"),
    [
        ("At which email may we send you the brochure?", "ada@example.com", {"email": "ada@example.com"}),
        ("What is the best phone number to reach you at?", "(415) 555-0123", {"phone": "(415) 555-0123"}),
        ("Email or phone", "+14155550123", {"phone": "+14155550123"}),
        ("Email or phone", "ada@example.com", {"email": "ada@example.com"}),
        ("An welche E-Mail dürfen wir schreiben?", "ada@example.com", {"email": "ada@example.com"}),
        ("Phone", 14155550123, {"phone": "14155550123"}),
        ("Phone", 14155550123.0, {"phone": "14155550123"}),
        ("What is your first name as in your passport?", "Ada", {"first_name": "Ada"}),
        ("Emails", ["ada@example.com"], {"email": "ada@example.com"}),
        ("Name", ["Ada", "Lovelace"], {"first_name": "Ada", "last_name": "Lovelace"}),
        ("Title", "Engineer", {"job_title": "Engineer"}),
        ("Country/Region", "France", {"country": "France"}),
    ],
)
def test_longer_label_decides_where_the_answer_fits(label: str, answer: Any, expected: dict[str, str]) -> None:
    assert read((label, answer)) == expected


@pytest.mark.parametrize(
    ("answers", "first", "last"),
    [
        ([("Name", "Ada Lovelace"), ("First name", "Ada"), ("Last name", "Lovelace")], "Ada", "Lovelace"),
        ([("Name", "Lovelace"), ("Vorname", "Ada")], "Ada", "Lovelace"),
        ([("Nom", "Lovelace"), ("Prénom", "Ada")], "Ada", "Lovelace"),
        ([("Nombre", "Ada"), ("Apellidos", "King Lovelace")], "Ada", "King Lovelace"),
        ([("First name", "Ada"), ("Full name", "Ada Lovelace")], "Ada", "Lovelace"),
        ([("First name", "Ada"), ("Full name", "Lovelace, Ada")], "Ada", "Lovelace"),
        ([("Last name", "Lovelace"), ("Full name", "Ada Lovelace")], "Ada", "Lovelace"),
        ([("Last name", "Lovelace"), ("Full name", "Lovelace Ada")], "Ada", "Lovelace"),
        ([("Full name", "Lovelace, Ada")], "Ada", "Lovelace"),
    ],
)
def test_names_of_several_fields_are_joined(answers: list[tuple[str, str]], first: str, last: str) -> None:
    assert read(*answers) == {"first_name": first, "last_name": last}


def test_full_name_that_says_something_else_is_kept() -> None:
    lead = read(("First name", "Ada"), ("Last name", "Lovelace"), ("Full name", "Grace Hopper"))
    assert lead == {"first_name": "Ada", "last_name": "Lovelace", "custom_fields": {"full_name": "Grace Hopper"}}


def test_further_answers_of_a_kind_become_custom_fields() -> None:
    answers = [("Email", "ada@example.com"), ("Work email", "work@example.com"), ("Confirm email", "ada@example.com")]
    assert read(*answers) == {"email": "ada@example.com", "custom_fields": {"work_email": "work@example.com"}}


def test_type_of_a_field_wins_over_labels() -> None:
    fields = [
        AnsweredField("first@example.com", label="Email"),
        AnsweredField("second@example.com", label="Where to?", kind="email"),
        AnsweredField("Ada", label="Name", kind="custom"),
    ]
    custom = {"email": "first@example.com", "name": "Ada"}
    assert read_contact(fields) == {"email": "second@example.com", "custom_fields": custom}


def test_key_of_a_custom_field_keeps_its_script() -> None:
    assert read(("कंपनी का आकार?", "5"), ("Größe (m²)", "5"))["custom_fields"] == {"कंपनी_का_आकार": "5", "größe_m²": "5"}


LABEL_TEXTS = st.one_of(
    st.sampled_from([label for labels in LABELS.values() for label in labels.split("|")]), st.text(max_size=150)
)
VALUES = st.one_of(
    st.text(max_size=400),
    st.sampled_from([*ANSWERS.values(), "grace@example.com", "Grace Hopper", "x" * 11_000]),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.lists(st.text(max_size=20), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3),
)
FIELDS = st.builds(
    AnsweredField, VALUES, LABEL_TEXTS, st.text(max_size=20), st.sampled_from([None, None, "custom", "email", "phone"])
)


@given(st.lists(FIELDS, max_size=12))
def test_nothing_that_a_person_wrote_is_lost(fields: list[AnsweredField]) -> None:
    lead = read_contact(fields)
    INBOUND_LEAD.validate_python({"email": "ada@example.com", **lead})
    custom = list(lead.get("custom_fields", {}).values())
    told = " ".join(answer_text(value) for value in [*lead.values(), *custom])
    for field in fields:
        if is_campaign_parameter(field.key or field.label):  # it belongs to the attribution
            continue
        value = field.value.strip() if isinstance(field.value, str) else field.value
        words = answer_text(value)[: MAX_LENGTHS["notes"] - 1].replace(",", " ").split()
        assert value in custom or all(word in told for word in words), field
