"""Reduce labels of form fields to plain words, so that two spellings of one label compare equal. Pure.

The labels that we know are reduced by the same functions as those that forms send.
"""

import re
import unicodedata
from functools import lru_cache

MAX_LABEL_LENGTH = 300  # characters of a label that are read

# Letters that Unicode does not decompose, and letters that keyboards of one script write in two ways.
_PLAIN_LETTERS = str.maketrans(
    {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك"}
    | {"ـ": ""}
)
_CAMEL_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # firstName
_INNER_QUOTE = re.compile(r"(?<=[^\W\d_a-z])['’׳״\"](?=[^\W\d_a-z])")  # of Hebrew and Ukrainian words, not of l'email
_NUMBERING = re.compile(r"q?\d+").fullmatch  # "1. Name", "q3_name", "Phone 2"
_ARABIC_ARTICLE = "ال"
_MIN_WORD_WITH_ARTICLE = 5  # letters
# Chinese and Japanese write no spaces, so that polite words can only be cut off.
_JOINED_POLITE_WORDS = re.compile(
    r"^(?:请输入|请填写|請輸入|請填寫|您的|你的|您|あなたの)+|(?:をご?入力してください|をご?記入ください|をお聞かせください)$"
)
_KOREAN_OBJECT = re.compile(r"(?<=[가-힣]{2})[을를]$")

_FILLERS = (
    # English
    "your my our the a an please enter what which is are s you re i m tell us give provide write type leave here "
    "required optional mandatory "
    # Spanish, Portuguese, Italian, French, German, Dutch
    "su sus tu tus el la los las de del mi ingrese ingresa escriba escribe introduzca cual es por favor obligatorio "
    "obligatoria opcional requerido seu sua o os as do da digite informe obrigatorio il lo gli tuo tua suo sua vostro "
    "inserisci inserire obbligatorio facoltativo votre vos ton ta le les l d du des saisissez entrez indiquez quel "
    "quelle est obligatoire facultatif requis ihr ihre ihren dein deine bitte eingeben geben sie ein wie lautet "
    "pflichtfeld erforderlich optional je jouw uw het een van verplicht optioneel vul in "
    # Polish, Turkish, Scandinavian, Czech, Romanian, Indonesian, Vietnamese
    "twoj twoje twoja podaj wpisz wymagane opcjonalne lutfen giriniz girin zorunlu istege bagli din ditt dit valfritt "
    "obligatorisk pole povinne vas vase dumneavoastra anda masukkan silakan wajib cua ban nhap vui long "
    # Russian and Ukrainian
    "ваш ваша ваше вашу ваши укажите введите напишите обязательно обязательное поле необязательно пожалуйста ваше "
    "вкажіть введіть обовязково "
    # Arabic, Persian, Hebrew
    "يرجى ادخال ادخل اكتب من فضلك ما هو هي مطلوب اختياري لطفا خود را وارد كنيد شما הזן הזינו נא להזין שלך שלכם חובה "
    # Hindi, Korean, Japanese, Chinese
    "आपका आपकी आपके अपना अपनी अपने कृपया दर्ज करें लिखें का की के अनिवार्य वैकल्पिक "
    "입력해 입력해주세요 입력 주세요 필수 선택 귀하의 必須 任意 必填 选填 選填 "
)


def split_words(text: str) -> list[str]:
    """Return the words of a label in lower case, without accents, punctuation and the Arabic article.

    Vowel signs, as in Hindi, are part of their words. `firstName` and `first_name` are two words.
    """
    spaced = _CAMEL_HUMP.sub(" ", unicodedata.normalize("NFKC", text[:MAX_LABEL_LENGTH]))
    decomposed = unicodedata.normalize("NFKD", spaced.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char)).translate(_PLAIN_LETTERS)
    whole = _INNER_QUOTE.sub("", unicodedata.normalize("NFC", bare))
    return [_without_article(word) for word in "".join(map(_word_char, whole)).split()]


def telling_words(text: str) -> list[str]:
    """Return the words of a label without numbering and polite words; all of them if no other is left."""
    words = split_words(text)
    words_left = [_JOINED_POLITE_WORDS.sub("", _KOREAN_OBJECT.sub("", word)) for word in words]
    words_left = [word for word in words_left if word and word not in _FILLER_WORDS]
    while words_left and _NUMBERING(words_left[0]):
        del words_left[0]
    while words_left and _NUMBERING(words_left[-1]):
        del words_left[-1]
    return words_left or words


def word_slug(text: str) -> str:
    """Return the text in lower case and its own script, with an underscore for all that is no letter or digit."""
    return _word_slug(text[:MAX_LABEL_LENGTH])


@lru_cache(maxsize=4096)  # the same forms come again and again
def _word_slug(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    return "_".join("".join(map(_word_char, text.lower())).split())


def _word_char(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":  # such as the zero-width joiners of Persian
        return ""
    return char if category[0] in "LNM" else " "


def _without_article(word: str) -> str:
    has_article = word.startswith(_ARABIC_ARTICLE) and len(word) >= _MIN_WORD_WITH_ARTICLE
    return word.removeprefix(_ARABIC_ARTICLE) if has_article else word


_FILLER_WORDS = frozenset(word for filler in _FILLERS.split() for word in split_words(filler))
