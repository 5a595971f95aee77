"""Names to combine into people and companies that do not exist. A person has both names from one culture."""

GIVEN_AND_FAMILY_NAMES = (
    (
        "Ingrid Sigrun Torvald Asta Halvard Solveig Birk Liv Runa Eskil Tuva Sindre Oda Vetle Frøya Jorunn Aslak Ylva",
        "Nordhavn Fjellvik Stranberg Lindeskog Holmdal Aasvik Kvernmo Sundelid Bjørkeland Tangevik Skogheim Ulvestad",
    ),
    (
        "Ottilie Benno Hedwig Joris Wilma Anselm Leonie Kaspar Mathilde Falk Gesa Lorenz Thea Veit Rieke Jonte Alma",
        "Quellmeier Steinbach Ahornfeld Wiesenthau Brückl Dornhagen Kesselring Moosbrugg Falkenrath Ziegelhof",
    ),
    (
        "Maëlle Corentin Apolline Yves Solène Léandre Capucine Bastien Ondine Gaspard Célestine Rémi Lison Anatole",
        "Beauvoisin Montclair Rivelaine Desormais Vallombre Fontarèche Chantebise Rochemaure Puyvalier Grandsaule",
    ),
    (
        "Xiomara Anselmo Inés Rufino Paloma Eliseo Marisol Lisandro Nerea Evaristo Candela Ignacio Rocío Leandro",
        "Villaroble Montesquivo Rioseco Olmedano Campohermoso Peñablanca Solanares Arroyuelo Zarzalejo Nogalera",
    ),
    (
        "Zofia Bolesław Kinga Mieszko Jagoda Radosław Wanda Gniewko Halszka Ziemowit Dobrawa Lech Jaśmina Przemek",
        "Brzozowicki Jaworzański Wiśnioletski Dąbrowianka Olszewiecki Klonowicz Lipnicka Sosnowiejski Grabieniec",
    ),
    (
        "Elif Tarkan Defne Orhan Nilüfer Kerem Yasemin Barış Ceren Ozan Sibel Tolga Zeliha Umut Pelin Alp",
        "Karabulutoğlu Denizatlı Yıldızhan Çınarlı Akgündüz Gökırmak Taşpınar Sarıkaya Ulusoy Kumrulu Bozdere",
    ),
    (
        "ليلى يوسف نادية كريم سلمى طارق هند زياد رنا مازن دانة فارس لمى باسل",
        "الريحاني البستاني النجمي القمري السواحلي الزيتوني الورداني الياسميني المرجاني الفيروزي",
    ),
    (
        "Layla Yusuf Nadia Karim Salma Tariq Hind Ziad Rana Mazen Dana Faris Lama Basil",
        "Al-Rihani Bustanieh Najmeddine Qamariya Zaytouneh Wardani Marjan Fayrouzi Yasmini Sahel",
    ),
    (
        "Aaradhya Vihaan Ishani Devraj Kavya Rohanjit Meera Arnav Tanvi Yuvan Nandini Parth Sharvari Omkar",
        "Chandrapur Suryawala Nilgirikar Vanarasi Meghnathan Kaverikar Himalaya Sagarwala Pushpagiri Tarakeshi",
    ),
    (
        "明慧 志远 雅琴 文博 晓岚 建平 思涵 浩然 欣怡 子轩 梦洁 天佑",
        "欧阳 司徒 上官 慕容 诸葛 东方 皇甫 尉迟 公孙 令狐",
    ),
    (
        "さくら 悠真 結衣 蓮 美月 颯太 陽菜 湊 葵 大和 凛 樹",
        "朝霧 月城 風祭 水無瀬 星乃 雪村 霧島 花園 白鳥 緑川",
    ),
    (
        "Adaeze Kwabena Folasade Chidubem Zainabu Sefu Ngozi Kofi Temilade Baraka Wanjiru Tendai",
        "Okonweze Abiolaye Mensahene Nyamekwe Odhiamba Chukwuralu Boatengha Kamauli Adeyinwa Mutasande",
    ),
    (
        "Олександра Тарас Соломія Богдан Мирослава Устим Лада Остап Зоряна Назар Квітка Левко",
        "Яворенко Калинчук Степовець Вербицька Зоренко Дібровний Лугова Криничний Ясенчук Маківська",
    ),
    (
        "Clementine Barnaby Rosalind Fergus Imogen Alasdair Philippa Rupert Saffron Lachlan Beatrix Angus Marigold",
        "Thistlewick Harrowgate Pennyfold Marchbank Oakhollow Wetherden Larkspring Ashcombe Fennimoor Bramblecote",
    ),
)
COMPANY_FIRST_WORDS = (
    "Fjord Harbour Copper Juniper Lantern Meridian Orchard Quarry Saffron Tidewater Velvet Willow Amber Beacon Cobalt "
    "Driftwood Ember Foxglove Granite Hazel Indigo Kestrel Larch Marble Nimbus Opal Pebble Rowan Slate Thistle"
).split()
COMPANY_LAST_WORDS = (
    "Works,Logistics,Dental,Studios,Roasters,Bikes,Optics,Textiles,Analytics,Hotels,"
    "Brewery,Interiors,Foods,Robotics,Legal,Gardens,Ceramics,Travel,Energy,Clinics"
).split(",")
JOB_TITLES = (
    *("Head of operations", "Buyer", "Founder", "IT manager", "Office manager", "Marketing lead", "CFO"),
    *("Sales director", "Architect", "Plant manager", "مدير المشتريات", "Assistentin der Geschäftsführung"),
)
SEAT_CHOICES = ("5", "12", "25", "40", "120")
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
