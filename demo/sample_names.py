"""Names to combine into people and companies that do not exist. A person has both names from one culture."""

GIVEN_AND_FAMILY_NAMES = (
    ("Ingrid Sigrun Torvald Asta Halvard Solveig Birk Liv", "Nordhavn Fjellvik Stranberg Lindeskog Holmdal Aasvik"),
    ("Ottilie Benno Hedwig Joris Wilma Anselm Leonie Kaspar", "Quellmeier Steinbach Ahornfeld Wiesenthau Brückl"),
    ("Maëlle Corentin Apolline Yves Solène Léandre Capucine", "Beauvoisin Montclair Rivelaine Desormais Vallombre"),
    ("Xiomara Anselmo Inés Rufino Paloma Eliseo Marisol", "Villaroble Montesquivo Rioseco Olmedano Campohermoso"),
    ("Zofia Bolesław Kinga Mieszko Jagoda Radosław Wanda", "Brzozowicki Jaworzański Wiśnioletski Dąbrowianka"),
    ("Elif Tarkan Defne Orhan Nilüfer Kerem Yasemin", "Karabulutoğlu Denizatlı Yıldızhan Çınarlı Akgündüz"),
    ("ليلى يوسف نادية كريم سلمى طارق هند زياد", "الريحاني البستاني النجمي القمري السواحلي الزيتوني"),
    ("Layla Yusuf Nadia Karim Salma Tariq Hind Ziad", "Al-Rihani Bustanieh Najmeddine Qamariya Zaytouneh"),
    ("Aaradhya Vihaan Ishani Devraj Kavya Rohanjit Meera", "Chandrapur Suryawala Nilgirikar Vanarasi Meghnathan"),
    ("明慧 志远 雅琴 文博 晓岚 建平", "欧阳 司徒 上官 慕容 诸葛"),
    ("さくら 悠真 結衣 蓮 美月 颯太", "朝霧 月城 風祭 水無瀬 星乃"),
    ("Adaeze Kwabena Folasade Chidubem Zainabu Sefu", "Okonweze Abiolaye Mensahene Nyamekwe Odhiamba"),
    ("Олександра Тарас Соломія Богдан Мирослава", "Яворенко Калинчук Степовець Вербицька Зоренко"),
    ("Clementine Barnaby Rosalind Fergus Imogen Alasdair", "Thistlewick Harrowgate Pennyfold Marchbank Oakhollow"),
)
COMPANY_FIRST_WORDS = (
    "Fjord Harbour Copper Juniper Lantern Meridian Orchard Quarry Saffron Tidewater Velvet Willow".split()
)
COMPANY_LAST_WORDS = "Works,Logistics,Dental,Studios,Roasters,Bikes,Optics,Textiles,Analytics,Hotels".split(",")
JOB_TITLES = (
    *("Head of operations", "Buyer", "Founder", "IT manager", "Office manager", "Marketing lead", "CFO"),
    *("Sales director", "Architect", "Plant manager", "مدير المشتريات", "Assistentin der Geschäftsführung"),
)
SAMPLE_MESSAGES = (
    "Please send a quote for 40 seats.",
    "Can somebody call me back on Thursday afternoon?",
    "We move offices in spring and look for a supplier.",
    "Does it work with our existing system?",
    "نرجو إرسال عرض سعر لعشرين مستخدمًا.",
    "Wir möchten gern eine Vorführung sehen.",
    "Interested in the yearly plan, what is the discount?",
    "¿Tienen oficina en Lisboa o en Madrid?",
)
COUNTRY_CODES = ("US", "GB", "DE", "FR", "SE", "NO", "AE", "SA", "IN", "ES", "PL", "TR")
