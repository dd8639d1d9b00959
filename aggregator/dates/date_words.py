"""Names of months, weekdays and zones in the dates of feeds."""

import unicodedata

# One line per language, January to December; "/" separates the forms of one month.
_MONTHS = (
    "january february march april may june july august september/sept october november december",
    (
        "januar/jänner/jaenner februar/feber märz/maerz/mrz april mai juni juli august september "
        "oktober november dezember"
    ),
    "janvier février mars avril mai juin juillet/juil août septembre octobre novembre décembre",
    (
        "enero febrero marzo abril mayo junio julio agosto septiembre/setiembre octubre noviembre "
        "diciembre"
    ),
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart/mrt april mei juni juli augustus september oktober november december",
    (
        "styczeń/stycznia luty/lutego marzec/marca kwiecień/kwietnia maj/maja czerwiec/czerwca "
        "lipiec/lipca sierpień/sierpnia wrzesień/września październik/października "
        "listopad/listopada grudzień/grudnia"
    ),
    (
        "январь/января февраль/февраля март/марта апрель/апреля май/мая июнь/июня июль/июля "
        "август/августа сентябрь/сентября октябрь/октября ноябрь/ноября декабрь/декабря"
    ),
    "januari februari mars april maj juni juli augusti september oktober november december",
    (
        "január február március április május június július augusztus szeptember október november "
        "december"
    ),
    (
        "ιανουάριος/ιανουαρίου φεβρουάριος/φεβρουαρίου μάρτιος/μαρτίου απρίλιος/απριλίου "
        "μάιος/μαΐου "
        "ιούνιος/ιουνίου ιούλιος/ιουλίου αύγουστος/αυγούστου σεπτέμβριος/σεπτεμβρίου "
        "οκτώβριος/οκτωβρίου νοέμβριος/νοεμβρίου δεκέμβριος/δεκεμβρίου"
    ),
    "januar februar marts april maj juni juli august september oktober november desember",
    (
        "يناير/جانفي فبراير/فيفري/شباط مارس/آذار أبريل/إبريل/أفريل/نيسان مايو/ماي/أيار "
        "يونيو/جوان/حزيران يوليو/يوليوز/جويلية/تموز أغسطس/غشت/أوت/آب سبتمبر/شتنبر/أيلول "
        "أكتوبر نوفمبر/نونبر ديسمبر/دجنبر"
    ),
    (
        "ינואר/בינואר פברואר/בפברואר מרץ/במרץ/מרס/במרס אפריל/באפריל מאי/במאי יוני/ביוני יולי/ביולי "
        "אוגוסט/באוגוסט ספטמבר/בספטמבר אוקטובר/באוקטובר נובמבר/בנובמבר דצמבר/בדצמבר"
    ),
)
# The same for Monday to Sunday.
_WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday",
    "montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag",
    "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "lunes martes miércoles jueves viernes sábado domingo",
    "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "poniedziałek wtorek środa czwartek piątek sobota niedziela",
    "понедельник вторник среда четверг пятница суббота воскресенье",
    "måndag tisdag onsdag torsdag fredag lördag söndag",
    "hétfő kedd szerda csütörtök péntek szombat vasárnap",
    "δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή",
    "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "الاثنين/الإثنين الثلاثاء الأربعاء/الاربعاء الخميس الجمعة السبت الأحد",
)

# Minutes east of UTC.  Names are taken literally: EST is -05:00 in July, too.
ZONES = {
    **dict.fromkeys("ut utc gmt z wet".split(), 0),
    **dict.fromkeys("bst west cet met mez wat".split(), 60),
    **dict.fromkeys("cest mest mesz eet cat sast oez".split(), 120),
    **dict.fromkeys("eest oesz msk eat trt".split(), 180),
    **dict.fromkeys("msd gst samt".split(), 240),
    "irst": 210,
    "aft": 270,
    "pkt": 300,
    "ist": 330,
    "npt": 345,
    "mmt": 390,
    **dict.fromkeys("ict wib".split(), 420),
    **dict.fromkeys("hkt sgt pht awst wita myt".split(), 480),
    **dict.fromkeys("jst kst wit".split(), 540),
    "acst": 570,
    "aest": 600,
    "acdt": 630,
    "aedt": 660,
    "nzst": 720,
    "nzdt": 780,
    "ndt": -150,
    **dict.fromkeys("adt brt art clst uyt".split(), -180),
    "nst": -210,
    **dict.fromkeys("ast edt clt bot".split(), -240),
    **dict.fromkeys("est cdt pet cot".split(), -300),
    **dict.fromkeys("cst mdt".split(), -360),
    **dict.fromkeys("mst pdt".split(), -420),
    **dict.fromkeys("pst akdt".split(), -480),
    "akst": -540,
    "hst": -600,
}

SUMMER = frozenset("bst west cest mest mesz eest oesz edt cdt mdt pdt adt akdt".split())
WINTER = frozenset("cet met mez eet oez est mst pst akst".split())
"""Zones of the northern hemisphere that have another name in the other half of the year."""

AFTERNOON = frozenset("pm p.m. p.m 下午 午後 오후".split())
MORNING = frozenset("am a.m. a.m 上午 午前 오전".split())


def folded_word(word: str) -> str:
    """Return a word in lower case without accents and full stops."""
    folded = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter)).strip(".")


def _numbers(languages: tuple[str, ...], first: int, *, shortest: int) -> dict[str, int]:
    """Return the number of each name, and of each beginning unique to names of the same number.

    Args:
        languages: The names of each language in order.
        first: Number of the first name.
        shortest: Minimal length of a beginning.
    """
    names: dict[str, int] = {}
    beginnings: dict[str, set[int]] = {}
    for language in languages:
        for number, forms in enumerate(language.split(), first):
            for form in forms.split("/"):
                name = folded_word(form)
                names[name] = number
                for length in range(shortest, len(name)):
                    beginnings.setdefault(name[:length], set()).add(number)
    unambiguous = {
        beginning: numbers.pop() for beginning, numbers in beginnings.items() if len(numbers) == 1
    }
    return unambiguous | names


MONTHS = _numbers(_MONTHS, 1, shortest=3)
WEEKDAYS = _numbers(_WEEKDAYS, 0, shortest=2)
"""Monday is 0."""
