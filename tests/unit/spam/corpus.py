"""Honest submissions and spam in many languages: hand-made texts, and what was observed over each post."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.gateway.public_forms.spam_scoring import SpamEvidence
from services.gateway.public_forms.text_traits import link_hosts
from shared.spam.spam_rules import RuleSubject

CORPUS_SEED = 20261128
HONEST_COUNT, SPAM_COUNT = 250, 250

# Names as people write them, mixed scripts included.
NAMES = {
    "en": ["Sarah Johnson", "J.R. Smith", "Mary-Ann O'Neil", "Dr. Bob", "x", "McDonald, Ian"],
    "ar": ["محمد العتيبي", "فاطمة Fatima", "Omar عمر", "سارة بنت خالد", "د. هند"],
    "de": ["Jürgen Groß", "Anna-Lena Müller", "Dr. med. Weiß", "Y. Özdemir"],
    "es": ["José Núñez", "María del Carmen", "Íñigo Peña", "ana lopez"],
    "fr": ["Zoé Lefèvre", "Jean-François d'Aoust", "Mme Dupont", "L. N’Guyen"],
    "pt": ["João Conceição", "Ângela Simões", "Luís F.", "dona Rita"],
    "ru": ["Иван Петров", "Ольга (Olga)", "Anna Иванова", "Ёлкина Мария"],
    "zh": ["王小明 David", "陳Mei", "李娜", "Amy林", "欧阳修"],
    "he": ["דוד לוי", "Noa נועה", "שרה כהן"],
    "hi": ["राजेश कुमार", "Priya प्रिया", "अनिल"],
    "ja": ["田中太郎", "Ken 山田", "さくら"],
    "el": ["Γιώργος Παπαδόπουλος", "Maria Μαρία"],
    "uk": ["Олена Шевченко", "Тарас"],
    "tr": ["Ayşe Yılmaz", "İbrahim Şahin"],
    "fa": ["علی رضایی", "می‌نا احمدی"],
    "ko": ["김민수", "Lee 이"],
}
MESSAGES = {
    "en": [
        "hi",
        "Please call me back after 5pm.",
        "Do you ship to Ireland? Our site is https://www.brightlamps.example if you want to see what we make.",
        "I'd like a quote for 200 chairs, model C-12, delivered to Leeds by March. Colour: oak. Budget around £9,000.",
        "How much is it / month ??? My old provider (www.oldhost.example/plans) charged $20.",
        "URGENT: PLEASE CALL, THE BOILER WE BOUGHT FROM YOU LEAKS",
        "The page <div> with the price is broken on my phone, a <b>bold</b> 0 shows up.",
    ],
    "ar": [
        "السلام عليكم، أرغب في معرفة الأسعار والتوصيل إلى الرياض.",
        "مرحبا",
        "نحتاج عرض سعر لعدد ٥٠ جهازاً، موقعنا https://alnoor.example",
        "هل لديكم WhatsApp؟ رقمي 0501234567",
    ],
    "de": [
        "Bitte um Rückruf.",
        "Was kostet die Wartung für 3 Geräte (je 5 kΩ, 10 µF)?",
        "Hallo, unsere Seite: www.tischlerei-gross.example",
    ],
    "es": [
        "Quisiera más información, gracias.",
        "¿Tienen cita para mañana? Mi web es https://casapepa.example/carta",
        "hola",
    ],
    "fr": [
        "Bonjour, pourriez-vous me rappeler ?",
        "Devis pour 12 fenêtres SVP, plans ici : https://plans.example/dupont",
        "ok",
    ],
    "pt": ["Gostaria de agendar uma visita.", "Qual o prazo de entrega para Lisboa?", "oi"],
    "ru": [
        "Здравствуйте, перезвоните мне, пожалуйста.",
        "Нужна цена на iPhone-чехлы оптом, 300 шт.",
        "Есть ли у вас API для 1C и CRM?",
    ],
    "zh": ["请问价格多少？", "想了解一下WeChat微信支付怎么接入，我们的网站是 https://example.cn/shop", "你好"],
    "he": ["אשמח לקבל הצעת מחיר.", "שלום, האתר שלנו: www.levi.example"],
    "hi": ["कृपया मुझे कॉल करें।", "क्या आप Delhi में डिलीवरी करते हैं?"],
    "ja": ["見積もりをお願いします。", "Webサイトを見ました。資料をください。"],
    "el": ["Καλησπέρα, θα ήθελα μια προσφορά για 10 άτομα.", "Έχετε Wi-Fi και parking;"],
    "uk": ["Добрий день, цікавить оренда на два місяці.", "Передзвоніть, будь ласка"],
    "tr": ["Merhaba, fiyat alabilir miyim?", "Toplantı için uygun musunuz?"],
    "fa": ["سلام، قیمت‌ها را می‌خواستم بدانم.", "لطفاً تماس بگیرید"],
    "ko": ["가격 문의드립니다.", "PDF 카탈로그 부탁드려요"],
}
# A site fills this in for its visitors: the same text from many honest people.
PREFILLED = "I am interested in the flat at 12 Harbour Street and would like to arrange a viewing, please contact me."
FREE_MAIL = ["gmail.com", "outlook.com", "firma.example", "qq.com", "mail.ru", "yahoo.co.jp", "web.de", "21cn.com"]
DISPOSABLE = ["yopmail.com", "10minutemail.com", "1secmail.com"]

PITCHES = [
    "Get your site on the first page of Google in 30 days",
    "Earn $5,000 a day with our trading robot",
    "Cheap pills without prescription, worldwide shipping",
    "Лучшие казино с быстрым выводом денег",
    "Заработок в интернете без вложений",
    "代开发票，价格优惠，欢迎咨询",
    "قروض فورية بدون فوائد، اضغط على الرابط",
    "Gana dinero desde casa sin esfuerzo",
    "Beste Kredite ohne Schufa, sofort",
    "Achetez des abonnés et des likes pas cher",
    "Ganhe dinheiro rápido com criptomoedas",
    "हर दिन घर बैठे पैसे कमाएं",
]
HIDDEN_LETTERS = str.maketrans({"a": "а", "e": "е", "o": "о", "i": "і", "p": "р"})  # Cyrillic ones that look alike


@dataclass(frozen=True)
class Sample:
    """A submission, what kind it is, and whether it is spam."""

    kind: str
    is_spam: bool
    evidence: SpamEvidence


def evidence_of(name: str, email: str, message: str, **observed: Any) -> SpamEvidence:
    subject = RuleSubject(email, "198.51.100.7", [name, message], link_hosts([message, name]))
    return SpamEvidence(subject, texts=[message], names=[name], **observed)


def corpus() -> list[Sample]:
    """All samples, the same ones each time."""
    chance = random.Random(CORPUS_SEED)
    return [*honest_samples(chance), *spam_samples(chance)]


def honest_samples(chance: random.Random) -> Iterator[Sample]:
    """People: in any language, some hasty, some without the script, some from an office or with a link of their own."""
    every = [(language, text) for language, texts in MESSAGES.items() for text in texts]
    for number in range(HONEST_COUNT):
        language, message = every[number % len(every)]
        name = chance.choice(NAMES[language])
        domain = chance.choice(DISPOSABLE if chance.random() < 0.05 else FREE_MAIL)
        yield Sample(
            f"honest {language}", False, evidence_of(name, f"visitor{number}@{domain}", message, **_visit(chance))
        )
    for place in range(8):  # a tablet at a fair, a site that fills in the message, a newsletter that just went out
        observed = {"token_age": 20.0, "address_posts": 6 * place}
        yield Sample("honest fair", False, evidence_of("Ada", f"fair{place}@firma.example", "hi", **observed))
        visit: dict[str, Any] = {"touch": "missing"} if place % 3 == 0 else {"token_age": 1.5 + place}
        copied = {**visit, "text_senders": 2 * place, "text_forms": 1}
        yield Sample("honest prefilled", False, evidence_of("Bo", f"flat{place}@gmail.com", PREFILLED, **copied))
        busy = {"token_age": 2.0 + place, "is_busy": True, "proof": "valid" if place % 2 else "not_asked"}
        yield Sample("honest rush", False, evidence_of("Cy", f"rush{place}@web.de", "ok", **busy))


def _visit(chance: random.Random) -> dict[str, Any]:
    draw = chance.random()
    if draw < 0.10:  # the script did not run, or the page stayed open for days
        return {"touch": chance.choice(["missing", "expired"])}
    if draw < 0.18:  # a password manager fills all fields at once
        return {"token_age": chance.uniform(1.1, 2.9)}
    if draw < 0.22:  # went back and sent a correction
        return {"token_age": chance.uniform(30, 90), "token_uses": 1}
    if draw < 0.25:  # a phone that could not finish the proof of work
        return {"token_age": chance.uniform(8, 60), "proof": "missing"}
    return {"token_age": chance.uniform(4, 900), "address_posts": chance.choice([0, 0, 0, 1, 2])}


def spam_samples(chance: random.Random) -> Iterator[Sample]:
    """Programs of many kinds, and people who are paid to write."""
    makers: Sequence[Any] = (
        _trapped,
        _linker,
        _marked,
        _hasty_linker,
        _named,
        _disguised,
        _flooded,
        _reuser,
        _unproven,
        _thrown_away,
        _paid_writer,
        _flood_of_one_address,
    )
    for number in range(SPAM_COUNT):
        yield makers[number % len(makers)](chance, chance.choice(PITCHES), f"sender{number}@gmail.com")


def _links(chance: random.Random, n: int) -> str:
    return " ".join(f"https://win{chance.randrange(9999)}.example/{chance.randrange(99)}" for _ in range(n))


def _trapped(chance: random.Random, pitch: str, email: str) -> Sample:
    evidence = evidence_of("Robert", email, pitch, is_trap_filled=True, touch="missing")
    return Sample("fills every input", True, evidence)


def _linker(chance: random.Random, pitch: str, email: str) -> Sample:
    text = f"{pitch} {_links(chance, chance.randint(5, 9))}"
    return Sample("many links, no token", True, evidence_of("RobertDug", email, text, touch="missing"))


def _marked(chance: random.Random, pitch: str, email: str) -> Sample:
    text = chance.choice(['<a href="{}">{}</a>', "[url={}]{}[/url]"]).format(_links(chance, 1), pitch)
    return Sample("markup", True, evidence_of("Kevin", email, text, touch="missing"))


def _hasty_linker(chance: random.Random, pitch: str, email: str) -> Sample:
    text = f"{pitch}: {_links(chance, 3)}"
    return Sample("links, too fast", True, evidence_of("Anna", email, text, token_age=chance.uniform(0.1, 2.5)))


def _named(chance: random.Random, pitch: str, email: str) -> Sample:
    name = f"{pitch[:20]} {_links(chance, 1)}"
    return Sample("link in the name", True, evidence_of(name, email, pitch, touch="missing"))


def _disguised(chance: random.Random, pitch: str, email: str) -> Sample:
    text = f"Cheap pills and online casino {pitch}".translate(HIDDEN_LETTERS) + f" {_links(chance, 1)}"
    return Sample("look-alike letters", True, evidence_of("Max", email, text, touch="missing"))


def _flooded(chance: random.Random, pitch: str, email: str) -> Sample:
    observed = {"touch": "missing", "text_senders": chance.randint(3, 40), "text_forms": chance.randint(1, 9)}
    return Sample(
        "the same text everywhere", True, evidence_of("Eric", email, f"{pitch} {_links(chance, 2)}", **observed)
    )


def _reuser(chance: random.Random, pitch: str, email: str) -> Sample:
    observed = {"token_age": chance.uniform(60, 9000), "token_uses": chance.randint(4, 200)}
    return Sample("one token for all", True, evidence_of("Eve", email, f"{pitch} {_links(chance, 1)}", **observed))


def _unproven(chance: random.Random, pitch: str, email: str) -> Sample:
    observed = {"token_age": chance.uniform(0.1, 2), "proof": chance.choice(["missing", "wrong"]), "is_busy": True}
    return Sample("no proof in an attack", True, evidence_of("Zed", email, pitch, **observed))


def _thrown_away(chance: random.Random, pitch: str, email: str) -> Sample:
    email = email.replace("gmail.com", chance.choice(DISPOSABLE))
    text = f"{pitch} {_links(chance, chance.randint(1, 3))}"
    return Sample("throw-away address", True, evidence_of("Ray", email, text, token_age=chance.uniform(0.2, 2.9)))


def _paid_writer(chance: random.Random, pitch: str, email: str) -> Sample:
    observed = {"token_age": chance.uniform(40, 300)}
    return Sample(
        "written by hand", True, evidence_of("Nina Marlow", email, f"{pitch}. {_links(chance, 1)}", **observed)
    )


def _flood_of_one_address(chance: random.Random, pitch: str, email: str) -> Sample:
    observed = {"touch": "missing", "address_posts": chance.randint(51, 900), "is_busy": True}
    return Sample("one address, no end", True, evidence_of("Bot", email, pitch, **observed))
