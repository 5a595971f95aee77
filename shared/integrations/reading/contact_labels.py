"""Labels of fields by which forms ask for a person's data, in the commonest languages of forms. Pure.

English, Spanish, Portuguese, French, German, Italian, Dutch, Swedish, Danish, Norwegian, Finnish, Polish, Czech,
Romanian, Hungarian, Croatian, Greek, Turkish, Russian, Ukrainian, Arabic, Persian, Hebrew, Hindi, Thai, Vietnamese,
Indonesian, Chinese, Japanese, Korean. A word that is a first name's label in one language and a name's in another, such
as the Italian "nome", is listed as a full name: beside a last name it is read as a first name anyway.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from shared.integrations.reading.label_text import MAX_LABEL_LENGTH, split_words, telling_words

LabelKind = Literal[
    "email", "phone", "full_name", "first_name", "last_name", "company", "job_title", "country", "notes"
]

_LABELS: dict[LabelKind, str] = {
    "email": """
        email, e-mail, mail, emails, email address, e-mail address, work email, business email, contact email
        email id, correo, correo electrónico, correo e, correo de trabajo, courriel, adresse email, adresse e-mail
        adresse mail, adresse électronique, adresse de messagerie, E-Mail-Adresse, Mailadresse, Emailadresse
        indirizzo email, indirizzo e-mail, indirizzo di posta elettronica, posta elettronica, e-mailadres
        emailadres, endereço de email, endereço de e-mail, e-mail profissional, e-postadress, e-post, epost
        e-postadresse, e-mailadresse, sähköposti, sähköpostiosoite, adres e-mail, adres email, emailová adresa
        adresă de email, e-mail cím, adresa e-pošte, ηλεκτρονικό ταχυδρομείο, διεύθυνση email, e-posta
        e-posta adresi, eposta, почта, электронная почта, эл. почта, адрес электронной почты, имейл, емейл
        электронный адрес, електронна пошта, електронна адреса, пошта, البريد الإلكتروني, بريدك الإلكتروني, البريد
        ايميل, إيميل, الايميل, عنوان البريد الإلكتروني, پست الکترونیک, ایمیل, אימייל, האימייל, מייל, דוא"ל
        דואר אלקטרוני, כתובת מייל, כתובת אימייל, ईमेल, ई-मेल, इमेल, ईमेल पता, อีเมล, อีเมล์, thư điện tử
        địa chỉ email, surel, alamat email, 邮箱, 邮箱地址, 电子邮件, 电子邮箱, 电子邮箱地址, 电邮, 郵箱, 電子郵件
        電子信箱, 信箱, メール, メールアドレス, eメール, 이메일, 이메일 주소, 전자우편
    """,
    "phone": """
        phone, phones, phone number, phone numbers, telephone, telephone number, tel, tel. no, phone no, mobile
        mobile number, mobile phone, mobile phone number, mobile no, cell, cell phone, cellphone, cell number
        contact number, contact phone, contact no, work phone, home phone, business phone, day phone, phone mobile
        whatsapp, whatsapp number, WhatsApp, WhatsApp number, teléfono, número de teléfono, teléfono móvil, móvil
        celular, número de celular, teléfono de contacto, telefone, telemóvel, número de telefone, téléphone
        téléphone portable, téléphone mobile, numéro de téléphone, numéro de mobile, n° de téléphone, portable
        Telefon, Telefonnummer, Handy, Handynummer, Mobilnummer, Mobiltelefon, Mobil, Rufnummer, cellulare
        numero di cellulare, numero di telefono, recapito telefonico, telefoon, telefoonnummer, mobiel
        mobiel nummer, gsm, mobilnummer, mobiltelefon, telefonnummer, puhelin, puhelinnumero, numer telefonu
        telefon komórkowy, komórka, telefonní číslo, číslo telefonu, număr de telefon, telefonszám, broj telefona
        τηλέφωνο, αριθμός τηλεφώνου, κινητό, telefon numarası, telefon numaranız, cep telefonu
        cep telefonu numarası, телефон, номер телефона, мобильный телефон, мобильный, контактный телефон
        номер телефону, мобільний телефон, هاتف, الهاتف, رقم الهاتف, رقم هاتفك, هاتفك, الجوال, رقم الجوال
        الهاتف المحمول, موبايل, رقم الموبايل, تليفون, واتساب, رقم الواتساب, تلفن, شماره تلفن, شماره تماس
        شماره موبایل, تلفن همراه, טלפון, הטלפון, מספר טלפון, מספר הטלפון, נייד, טלפון נייד, फ़ोन, फोन, फ़ोन नंबर
        फोन नंबर, फ़ोन नम्बर, मोबाइल, मोबाइल नंबर, दूरभाष, โทรศัพท์, เบอร์โทรศัพท์, หมายเลขโทรศัพท์, เบอร์โทร
        điện thoại, số điện thoại, nomor telepon, telepon, nomor hp, no hp, nomor ponsel, 电话, 电话号码, 联系电话
        手机, 手机号, 手机号码, 電話, 電話號碼, 聯絡電話, 手機, 手機號碼, 電話番号, お電話番号, 携帯電話, 携帯番号
        携帯電話番号, 전화번호, 연락처, 휴대폰, 휴대폰 번호, 휴대전화, 핸드폰, 핸드폰 번호
    """,
    "full_name": """
        name, full name, fullname, contact name, contact full name, contact person, customer name, client name
        lead name, first and last name, first last name, first name last name, name first last
        first name and last name, name and surname, name surname, what should we call you, nombre, nombre completo
        nombre y apellidos, nombre y apellido, cómo te llamas, cómo se llama, nome, nome completo, nome e sobrenome
        como você se chama, qual é o seu nome, nom, nom complet, nom et prénom, nom et prénoms, prénom et nom
        nom prénom, prénom nom, comment vous appelez-vous, vollständiger Name, voller Name, Vor- und Nachname
        Vorname und Nachname, Vorname Nachname, Vorname/Nachname, Ansprechpartner, Ansprechperson, wie heißen Sie
        wie heißt du, nome e cognome, nome cognome, nominativo, qual è il tuo nome, come ti chiami, naam
        volledige naam, voor- en achternaam, namn, fullständigt namn, för- och efternamn, navn, fulde navn
        fullt navn, nimi, koko nimi, etu- ja sukunimi, imię i nazwisko, pełne imię, jméno, jméno a příjmení
        celé jméno, nume, nume complet, nume și prenume, név, teljes név, ime, ime i prezime, όνομα, ονοματεπώνυμο
        πλήρες όνομα, ad soyad, adı soyadı, adınız, adınız soyadınız, isim, isminiz, isim soyisim, tam ad, имя, фио
        имя и фамилия, фамилия и имя, полное имя, фамилия имя отчество, как вас зовут, ім'я, піб, ім'я та прізвище
        повне ім'я, الاسم, اسم, اسمك, الاسم الكامل, الاسم بالكامل, الاسم الثلاثي, اسمك الكامل, نام
        نام و نام خانوادگی, نام کامل, שם, שם מלא, השם, השם המלא, שם פרטי ומשפחה, नाम, पूरा नाम, शुभ नाम, ชื่อ
        ชื่อ-นามสกุล, ชื่อและนามสกุล, ชื่อเต็ม, họ và tên, họ tên, tên đầy đủ, nama, nama lengkap, 姓名, 名字, 全名
        联系人, 联系人姓名, 氏名, お名前, 名前, ご氏名, 担当者名, 이름, 성함, 성명
    """,
    "first_name": """
        first name, firstname, fname, given name, givenname, forename, christian name, name first, first
        primer nombre, nombres, nombre de pila, primeiro nome, nome próprio, prénom, prénoms, Vorname, Rufname
        voornaam, förnamn, fornavn, etunimi, imię, imiona, křestní jméno, prenume, keresztnév, utónév, ad, adı
        ilk ad, ön ad, الاسم الأول, اسمك الأول, نام کوچک, שם פרטי, השם הפרטי, पहला नाम, प्रथम नाम, ชื่อจริง
        nama depan, 名
    """,
    "last_name": """
        last name, lastname, lname, surname, family name, familyname, second name, name last, last, apellido
        apellidos, primer apellido, sobrenome, apelido, último nome, nom de famille, Nachname, Familienname, Zuname
        cognome, achternaam, efternamn, efternavn, etternavn, sukunimi, nazwisko, příjmení, nume de familie
        vezetéknév, családnév, prezime, επώνυμο, επίθετο, soyad, soyadı, soyadınız, soyisim, фамилия, прізвище
        اسم العائلة, الاسم الأخير, اللقب, الكنية, نام خانوادگی, שם משפחה, שם המשפחה, उपनाम, कुलनाम, अंतिम नाम, सरनेम
        นามสกุล, nama belakang, 姓, 姓氏, 苗字, 성
    """,
    "company": """
        company, company name, companyname, name of company, name of the company, name of your company, organization
        organisation, organization name, organisation name, business name, business, employer
        company or organization, company organization, company/organisation, where do you work
        which company do you work for, empresa, nombre de la empresa, compañía, organización, razón social
        nome da empresa, companhia, organização, entreprise, société, nom de l'entreprise, nom de la société
        nom de votre entreprise, raison sociale, Firma, Firmenname, Name der Firma, Unternehmen, Unternehmensname
        Name des Unternehmens, azienda, nome azienda, nome dell'azienda, società, ragione sociale, bedrijf
        bedrijfsnaam, naam bedrijf, företag, företagsnamn, virksomhed, firmanavn, bedrift, yritys, yrityksen nimi
        nazwa firmy, společnost, název společnosti, název firmy, companie, numele companiei, nume companie, cég
        cégnév, cég neve, tvrtka, naziv tvrtke, εταιρεία, όνομα εταιρείας, επωνυμία, επωνυμία εταιρείας, şirket
        şirket adı, firma adı, şirketiniz, компания, организация, название компании, название организации, компанія
        назва компанії, організація, الشركة, اسم الشركة, اسم شركتك, شركتك, المؤسسة, اسم المؤسسة, شرکت, نام شرکت
        חברה, החברה, שם החברה, שם חברה, ארגון, कंपनी, कम्पनी, कंपनी का नाम, संस्था, บริษัท, ชื่อบริษัท, công ty
        tên công ty, perusahaan, nama perusahaan, 公司, 公司名称, 公司名, 企业名称, 单位, 公司名稱, 会社, 会社名
        貴社名, 御社名, 企業名, 勤務先, 会社名・団体名, 회사, 회사명, 회사 이름, 업체명, 소속
    """,
    "job_title": """
        job title, jobtitle, title, position, role, job role, job, job position, occupation, profession, cargo
        puesto, puesto de trabajo, profesión, ocupación, profissão, função, cargo na empresa, poste, fonction
        intitulé du poste, intitulé de poste, métier, Position im Unternehmen, Berufsbezeichnung, Beruf, Jobtitel
        Funktion, ruolo, ruolo aziendale, posizione, qualifica, professione, functie, functietitel, befattning
        yrkestitel, stilling, titteli, stanowisko, pozice, pracovní pozice, funcție, beosztás, θέση εργασίας, unvan
        ünvan, pozisyon, görev, meslek, должность, посада, المسمى الوظيفي, الوظيفة, المنصب, سمت, עיסוק, תפקיד, पद
        पदनाम, ตำแหน่ง, chức vụ, chức danh, jabatan, 职位, 职务, 職位, 職稱, 役職, 職種, 직함, 직책, 직위
    """,
    "country": """
        country, country name, country/region, address country, location country, country of residence, país
        país de residencia, pays, pays de résidence, Land, paese, nazione, maa, kraj, země, țara, ország, država
        χώρα, ülke, страна, країна, الدولة, البلد, بلد, بلدك, بلد الإقامة, کشور, ארץ, מדינה, देश, ประเทศ, quốc gia
        negara, 国家, 国家/地区, 國家, 国, 국가, 나라
    """,
    "notes": """
        message, messages, comment, comments, notes, note, remarks, additional information, additional info
        additional comments, additional notes, further information, question, questions, your question, inquiry
        enquiry, how can we help, how can we help you, how may we help you, anything else, comments or questions
        questions or comments, questions/comments, comments/questions, message/comments, mensaje, comentario
        comentarios, comentarios adicionales, consulta, observaciones, cómo podemos ayudarte, mensagem, comentário
        observações, observação, message ou question, commentaire, commentaires, remarques, Nachricht
        Ihre Nachricht, Mitteilung, Kommentar, Anmerkung, Anmerkungen, Bemerkung, Bemerkungen, Anfrage, messaggio
        commento, commenti, note aggiuntive, richiesta, bericht, opmerking, opmerkingen, meddelande, besked, beskjed
        melding, viesti, wiadomość, komentarz, treść wiadomości, uwagi, zpráva, poznámka, mesaj
        mesajul dumneavoastră, üzenet, megjegyzés, poruka, μήνυμα, σχόλια, mesajınız, yorum, notlar, сообщение
        комментарий, комментарии, вопрос, ваше сообщение, повідомлення, коментар, питання, رسالة, الرسالة, رسالتك
        نص الرسالة, ملاحظات, ملاحظة, تعليق, تعليقات, استفسارك, پیام, توضیحات, הודעה, ההודעה, הערות, תוכן ההודעה
        संदेश, सन्देश, टिप्पणी, ข้อความ, lời nhắn, tin nhắn, nội dung, ghi chú, pesan, catatan, 留言, 消息, 备注, 備註
        訊息, メッセージ, お問い合わせ内容, お問合せ内容, 備考, ご質問, ご要望, 메시지, 메세지, 문의, 문의내용
        문의 내용, 문의사항, 내용
    """,
}

# What a longer label may hold in any place. These decide only if the answer is an email or phone number by its shape.
_MENTIONS: dict[LabelKind, str] = {
    "email": "email, e mail, mail, correo, courriel, sahkoposti, e post, eposta, emailova, почт, пошт, имейл, "
    "بريد, ايميل, ایمیل, אימייל, מייל, דואל, ईमेल, ई मेल, อีเมล, 邮箱, 邮件, 电邮, 郵件, 信箱, メール, 이메일, 메일",
    "phone": "phone, mobile, mobil, whatsapp, whats app, telef, téléphone, celular, cellulare, handy, rufnummer, "
    "puhelin, телефон, τηλέφωνο, κινητό, هاتف, جوال, موبايل, واتساب, تلفن, טלפון, נייד, फ़ोन, मोबाइल, "
    "โทรศัพท์, điện thoại, telepon, 电话, 手机, 電話, 手機, 携帯, 전화, 휴대폰, 연락처",
}
_MENTIONED_WORDS: dict[LabelKind, frozenset[str]] = {"email": frozenset(), "phone": frozenset(("tel", "cell", "gsm"))}
# Phrases that decide within a longer label, such as "What is your first name as in your passport?"
_PHRASES: tuple[tuple[str, LabelKind], ...] = (
    ("first and last name", "full_name"),
    ("first name", "first_name"),
    ("last name", "last_name"),
    ("full name", "full_name"),
    ("family name", "last_name"),
    ("job title", "job_title"),
)
MAX_WORDS_ABOUT_PHRASE = 7  # words of such a label, without polite ones

# A label with one of these asks for the data of somebody or something else.
_OTHERS = frozenset(
    "friend friends referrer referral referred referee colleague coworker spouse partner husband wife emergency child "
    "children kid kids son daughter pet dog cat owner agent rep representative assignee assigned staff host organizer "
    "creator manager supervisor amigo amiga emergencia hijo hija urgence ami enfant conjoint freund freundes notfall "
    "kindes notfallkontakt".split()
)
# A label with one of these asks for no phone number, even if the answer looks like one.
_NOT_NUMBERS = frozenset("id ids consent many much count model type cuantos combien viele".split())


def kind_by_label(label: str) -> LabelKind | None:
    """Return what a label asks for, whatever the answer is. None if it is not certain."""
    return _kind_by_label(label[:MAX_LABEL_LENGTH])


def kinds_mentioned(label: str) -> tuple[LabelKind, ...]:
    """Return `email` and `phone` if a label, of any length, mentions them. The answer's shape must confirm it."""
    return _kinds_mentioned(label[:MAX_LABEL_LENGTH])


@lru_cache(maxsize=4096)  # the same forms come again and again
def _kind_by_label(label: str) -> LabelKind | None:
    if label == "ad":  # a key for an advertisement; on a Turkish form the label of the first name is `Ad`
        return None
    own_words = telling_words(label)
    for words in (split_words(label), own_words):
        if kind := _KINDS_BY_LABEL.get(" ".join(words)) or _KINDS_BY_LABEL.get("".join(words)):
            return kind
    joined = f" {' '.join(own_words)} "
    if len(own_words) > MAX_WORDS_ABOUT_PHRASE or not _OTHERS.isdisjoint(own_words):
        return None
    return next((kind for phrase, kind in _PHRASES if f" {phrase} " in joined), None)


def asks_about_others(label: str) -> bool:
    """Return whether a label asks for the data of somebody or something else than the person who answers."""
    return not _OTHERS.isdisjoint(split_words(label[:MAX_LABEL_LENGTH]))


@lru_cache(maxsize=4096)
def _kinds_mentioned(label: str) -> tuple[LabelKind, ...]:
    words = split_words(label)
    if not _OTHERS.isdisjoint(words):
        return ()
    joined = " ".join(words)
    kinds: list[LabelKind] = [
        kind
        for kind, texts in _MENTIONED_TEXTS.items()
        if any(text in joined for text in texts) or not _MENTIONED_WORDS[kind].isdisjoint(words)
    ]
    return tuple(kind for kind in kinds if kind != "phone" or _NOT_NUMBERS.isdisjoint(words))


def known_labels() -> Iterator[tuple[str, LabelKind]]:
    """Yield every label as it is listed, with its kind."""
    for kind, listed in _LABELS.items():
        yield from ((label.strip(), kind) for label in re.split(r"[,\n]", listed) if label.strip())


def _kinds_by_label() -> dict[str, LabelKind]:
    """Return the kinds by the plain words of their labels, joined by spaces and joined without."""
    table: dict[str, LabelKind] = {}
    for label, kind in known_labels():
        for words in (split_words(label), telling_words(label)):
            table.setdefault(" ".join(words), kind)
            table.setdefault("".join(words), kind)
    return table


_KINDS_BY_LABEL = _kinds_by_label()
_MENTIONED_TEXTS = {
    kind: tuple(" ".join(split_words(text)) for text in texts.split(", ")) for kind, texts in _MENTIONS.items()
}
