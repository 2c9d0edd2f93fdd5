"""Names and texts for made-up rows, plain and awkward."""

FIRST_NAMES = (
    "Anna", "Ben", "Camille", "David", "Elif", "Frank", "Grace", "Hugo", "Ines", "Jonas", "Katja",
    "Liam", "Mia", "Noah", "Olga", "Paul", "Rosa", "Samir", "Tara", "Uwe", "Vera", "Will", "Xenia",
    "Yusuf", "Zoë", "Łukasz", "Søren", "Siân", "Renée", "Jürgen",
)  # fmt: skip

LAST_NAMES = (
    "Adler", "Brown", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hansen", "Ivanova", "Jones",
    "Kowalski", "Lefèvre", "Müller", "Nguyen", "O'Brien", "Petrov", "Quinn", "Rossi", "Schäfer",
    "Tanaka", "Ünal", "van der Berg", "Weber", "Xu", "Yılmaz", "Zimmermann",
)  # fmt: skip

# Texts that break careless code: scripts, direction, control characters, markup, sentinels.
AWKWARD = (
    "Lefèvre 🌻", "👩\u200d👩\u200d👧\u200d👦 family", "محمد الأحمد", "\u200fעמית\u200e", "李雷",
    "한국어",
    "e\u0301 is not é", "a\u0007bell", "line\nbreak", "tab\there", "null", "NULL", "N/A", "0",
    "<b>bold</b> &amp; &lt;", "it's \"quoted\"", "back\\slash", "per%cent %FIRSTNAME%",
    "comma, semi; pipe|", "  padded  ", "\u200bzero width", "=1+1", "'; DROP TABLE contacts; --",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "x" * 255, "nul\u0000inside", "line\u2028separator",
)  # fmt: skip

DOMAINS = (
    "example.org",
    "example.com",
    "mail.example",
    "acme.example",
    "uni.example",
    "shop.example",
)

COMPANIES = (
    "Nordwind Textil GmbH", "Acme Outdoor SARL", "Blue Harbour Ltd", "Café Ünal", "Delta & Sons",
    "Ébène Studio", "Fjord AS", "Gülçiçek A.Ş.", "Hotel \"Zur Post\"", "株式会社さくら",
)  # fmt: skip

CITIES = ("Lyon", "Berlin", "Chicago", "İstanbul", "Kraków", "São Paulo", "北京")
JOBS = ("Einkäuferin", "CEO", "Head of Sales", "Développeur", "Office manager", "CTO")

TAGS = ("salon", "newsletter", "vip", "demo-asked", "trial", "churned", "webinar", "partner", "été")

SUBJECTS = (
    "Rahmenvertrag", "Website relaunch", "Annual licence", "Pilot project", "Tente 2 places",
    "Workshop", "Support plan", "Messestand",
)  # fmt: skip

PRODUCTS = (
    ("TENT-2P", "Tente légère 2 places", "Tentes", 8411),
    ("BOOT-42", "Trail boot", "Shoes", 12900),
    ("MUG-01", "Enamel mug", "Kitchen", 1250),
    ("BAG-30", "Rucksack 30 l", "Taschen", 7995),
    ("LAMP-9", "Head lamp", None, 3490),
)

SENTENCES = (
    "Hallo %FIRSTNAME%, der Frühling ist da.", "{Hi|Hello|Hey} there, see what is new.",
    "Merci de votre visite !", "Your order %ORDERID% has been shipped. 📦",
    "<p style=\"color:#333\">Only until Sunday: <a href=\"https://acme.example/?a=1&amp;b=2\">-20%</a></p>",
    "مرحبا بكم في متجرنا", "ご注文ありがとうございます。", "Zu viele Mails? Hier abmelden.",
)  # fmt: skip

COLOURS = ("red", "green", "blue", "gelb", "noir")
CURRENCIES = ("usd", "eur", "gbp", "jpy")
