"""Names and domains of sample organizations and people."""

from functools import cache
from random import Random

from core.base import tokenizer
from core.models import Staff

STAFF = (
    ("Ada Whitfield", "ada@orgdesk.example", Staff.ADMINISTRATOR),
    ("Priya Raman", "priya@orgdesk.example", Staff.SALES),
    ("Marcus Oyelaran", "marcus@orgdesk.example", Staff.SALES),
    ("Oda Castro", "oda@orgdesk.example", Staff.OPS),
)
SALES_IDS = (2, 3)
DEMO_NAMES = (
    "Northwind Cardiology Partners",
    "Riverside Children's Hospital",
    "Ärztehaus am Südpark",
    "St. Brigid University Medical Center and Teaching Hospital of the West Coast",
    "Bluebonnet Imaging",
    "Helix Diagnostics",
    "Kaiserin-Friedrich-Klinik",
    "東京中央医療センター",
    "Lakeshore Orthopedics",
    "Meridian Behavioral Health",
    "OpenChart Labs",
    "Pine Ridge Rural Health Cooperative",
    "مستشفى النور التخصصي",
    "Clínica Santa Águeda",
    "Больница имени Пирогова",
    "Harbor Light Hospice",
    "Évreux Santé",
    "서울 새봄 병원",
    "Juniper Pediatrics",
    "Copper Canyon Urgent Care",
    "Øresund Tandklinik",
    "מרכז רפואי הדרים",
    "Silver Birch Pharmacy Group",
    "Atlas Remote Monitoring",
    "Quiet Mind Counseling",
    "Łódź Centrum Zdrowia",
    "Tidewater Dialysis",
    "Anand Eye Care",
    "Granite State Labs",
    "สุขใจคลินิก",
)
_FIRST = (
    "Amara Tomás Grace Wei-Ling Ines Jonah Kavya Liam Noor Sofie Yuki Elif Mateo Ingrid Rahul "
    "Chiara Emeka Hanna Lucas Mei Omar Petra Quentin Rosa Stefan Tariq Ursula Viktor Wanjiru Zoë "
    "Aisha Björn Camila Dmitri Esther Farid Gwen Hiro Ilse Jamal"
).split()
_LAST = (
    "Lindqvist Herrera Okonkwo Chang Duarte Feld Menon O'Dowd Haddad Brandt Tanabe Yılmaz Rossi "
    "Kowalski Nguyen Osei Petrov Quinn Ramírez Schmidt Takahashi Umarov Varga Whitfield Xu Young "
    "Zimmermann Abebe Bianchi Castro Dubois Eriksen Fischer Gupta Hughes Ivanova Jansen Kim Lopez"
).split()
_PLACES = (
    "Aspen Bayview Cedar Dover Elmwood Fairfield Glenhaven Hawthorne Ironwood Jasper Kingsbridge "
    "Lakeside Maple Newport Oakdale Palmetto Quarry Redwood Summit Thornbury Upland Valley Weston "
    "Yarrow Zephyr Alder Beacon Crescent Delta Evergreen Foxglove Garnet Heron Indigo Kestrel "
    "Linden Magnolia Nightingale Orchard Prairie Sequoia Tamarack Union Violet Willow"
).split()
_FIELDS = (
    "Cardiology Imaging Oncology Pediatrics Dental Orthopedics Neurology Dermatology Radiology "
    "Surgical Behavioral Maternity Pulmonary Renal Vision Wound Family Sleep Spine Vascular"
).split()
_SUFFIXES = (
    "Clinic,Hospital,Partners,Health,Group,Center,Associates,Labs,Network,Care,Institute,"
    "Medical Center,Practice,Systems,Alliance,Services"
).split(",")


def organization_name(random: Random, number: int, total: int) -> str:
    """Return the name of an organization; the first and the last few have hand-picked names."""
    if number == 0:
        return DEMO_NAMES[0]
    if total - number < len(DEMO_NAMES):
        return DEMO_NAMES[total - number]
    name = f"{random.choice(_PLACES)} {random.choice(_FIELDS)} {random.choice(_SUFFIXES)}"
    return f"{name} of {random.choice(_PLACES)}" if random.random() < 0.3 else name


def person_name(random: Random) -> str:
    """Return a first and a last name."""
    return f"{random.choice(_FIRST)} {random.choice(_LAST)}"


@cache
def local_part(name: str) -> str:
    """Return the local part of the email address of a person."""
    return ".".join(tokenizer.tokens(name)).encode("ascii", "ignore").decode()


def domain(name: str, org_id: int) -> str:
    """Return the unique domain of an organization."""
    words = [word for word in tokenizer.tokens(name) if word.isascii()][:2]
    number = "" if words and org_id <= len(DEMO_NAMES) else org_id
    return f"{'-'.join(words) or 'org'}{number}.example"


def slug(text: str) -> str:
    """Return at most 24 ASCII letters and digits of a text."""
    return "".join(tokenizer.tokens(text)).encode("ascii", "ignore").decode()[:24]
