"""Words with which people write how long ago something was, in each language that pages are in.

The forms of CLDR stand first (`tests/test_written_dates.py` reads Babel's texts back), then what
blogs, forums and programs for comments write.  `_` stands for a space within a form.
"""

from typing import NamedTuple


class RelativeWords(NamedTuple):
    """The words of one language, as people write them.

    Attributes:
        units: Of second, minute, hour, day, week, month and year: the words, and behind `|` the
            abbreviations that may stand alone with a number ("3h").
        pairs: Words for two of each unit; empty in languages without a dual.
        before, after: What stands before or after a span that has passed; a language has either.
        numbers: Words for 1, 2, 3 ...; "/" separates the forms of one number.
        vague_numbers: Words for a small number.
        now, today, yesterday, day_before: Words for this moment and for these days.
        last: Last week, last month, last year.
        spaced: Words are separated by spaces.
        one_may_be_left_out: "godzinę temu" is an hour ago.
        past_units: The endings of the units say that the time has passed.
    """

    code: str
    units: tuple[str, str, str, str, str, str, str]
    now: str
    today: str
    yesterday: str
    day_before: str = ""
    before: str = ""
    after: str = ""
    numbers: str = ""
    vague_numbers: str = ""
    last: tuple[str, str, str] = ("", "", "")
    pairs: tuple[str, ...] = ()
    spaced: bool = True
    one_may_be_left_out: bool = False
    past_units: bool = False


LANGUAGES = (
    RelativeWords(
        "en",
        (
            "second seconds sec secs | s sec secs",
            "minute minutes min mins m | m min mins",
            "hour hours hr hrs h | h hr hrs",
            "day days d | d",
            "week weeks wk wks w | w wk wks",
            "month months mo mos mth mths | mo mos mth mths",
            "year years yr yrs y | y yr yrs",
        ),
        now="just_now now right_now a_moment_ago moments_ago a_few_moments_ago",
        today="today",
        yesterday="yesterday",
        day_before="the_day_before_yesterday day_before_yesterday",
        after="ago earlier",
        numbers="a/an/one two three four five six seven eight nine ten eleven twelve",
        vague_numbers="a_few few several a_couple_of a_couple",
        last=("last_week", "last_month", "last_year"),
    ),
    RelativeWords(
        "de",
        (
            "Sekunden Sekunde Sek s | Sek s",
            "Minuten Minute Min m | Min m",
            "Stunden Stunde Std h | Std h",
            "Tagen Tag Tage Tg | Tg",
            "Wochen Woche Wo | Wo",
            "Monaten Monat Monate Mon |",
            "Jahren Jahr Jahre |",
        ),
        now="gerade_eben eben gerade soeben jetzt",
        today="heute",
        yesterday="gestern",
        day_before="vorgestern",
        before=(
            "vor vor_etwa vor_ca vor_rund vor_circa vor_über vor_fast vor_mehr_als vor_weniger_als"
        ),
        numbers="einer/einem/eine/ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        vague_numbers="ein_paar einigen wenigen mehreren",
        last=("letzte_Woche vorige_Woche", "letzten_Monat vorigen_Monat", "letztes_Jahr"),
    ),
    RelativeWords(
        "fr",
        (
            "secondes seconde sec s | sec s",
            "minutes minute min mn | min mn",
            "heures heure h | h",
            "jours jour j | j",
            "semaines semaine sem | sem",
            "mois m | m",
            "ans an années année a | a ans an",
        ),
        now="à_l'instant maintenant il_y_a_un_instant il_y_a_quelques_instants",
        today="aujourd'hui",
        yesterday="hier",
        day_before="avant-hier avant_hier",
        before="il_y_a il_y_a_environ il_y_a_plus_de il_y_a_moins_de il_y_a_près_de",
        numbers="une/un deux trois quatre cinq six sept huit neuf dix onze douze",
        vague_numbers="quelques plusieurs",
        last=("la_semaine_dernière", "le_mois_dernier", "l'année_dernière l'an_dernier"),
    ),
    RelativeWords(
        "es",
        (
            "segundos segundo seg s | seg s",
            "minutos minuto min | min",
            "horas hora h | h",
            "días día d | d",
            "semanas semana sem | sem",
            "meses mes m |",
            "años año a |",
        ),
        now="ahora ahora_mismo justo_ahora hace_un_momento hace_un_instante hace_instantes",
        today="hoy",
        yesterday="ayer",
        day_before="anteayer antes_de_ayer antier",
        before="hace hace_más_de hace_menos_de hace_cerca_de hace_casi hace_alrededor_de",
        after="atrás",
        numbers="una/un/uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
        vague_numbers="unos unas algunos algunas varios varias",
        last=("la_semana_pasada", "el_mes_pasado", "el_año_pasado"),
    ),
    RelativeWords(
        "it",
        (
            "secondi secondo sec s | sec s",
            "minuti minuto min | min",
            "ore ora h | h",
            "giorni giorno gg g | gg g",
            "settimane settimana sett | sett",
            "mesi mese |",
            "anni anno |",
        ),
        now="ora adesso proprio_ora un_momento_fa un_attimo_fa pochi_istanti_fa poco_fa",
        today="oggi",
        yesterday="ieri",
        day_before="l'altro_ieri altro_ieri l'altroieri ieri_l'altro",
        after="fa",
        numbers="una/un/un'/uno due tre quattro cinque sei sette otto nove dieci undici dodici",
        vague_numbers="alcuni alcune qualche pochi poche",
        last=(
            "la_settimana_scorsa settimana_scorsa",
            "il_mese_scorso mese_scorso",
            "l'anno_scorso",
        ),
    ),
    RelativeWords(
        "pt",
        (
            "segundos segundo seg s | seg s",
            "minutos minuto min | min",
            "horas hora h | h",
            "dias dia d | d",
            "semanas semana sem | sem",
            "meses mês |",
            "anos ano |",
        ),
        now="agora agora_mesmo há_um_momento há_instantes neste_momento",
        today="hoje",
        yesterday="ontem",
        day_before="anteontem antes_de_ontem",
        before="há há_cerca_de há_mais_de há_menos_de há_quase faz",
        after="atrás",
        numbers="uma/um dois/duas três quatro cinco seis sete oito nove dez onze doze",
        vague_numbers="alguns algumas poucos poucas vários várias",
        last=("semana_passada", "mês_passado", "ano_passado"),
    ),
    RelativeWords(
        "nl",
        (
            "seconden seconde sec s | sec s",
            "minuten minuut min m | min m",
            "uur uren u | u",
            "dagen dag dgn d | d dgn",
            "weken week wk w | wk w",
            "maanden maand mnd | mnd",
            "jaar jaren jr | jr",
        ),
        now="zojuist zonet nu net",
        today="vandaag",
        yesterday="gisteren",
        day_before="eergisteren",
        after="geleden",
        numbers="een/één twee drie vier vijf zes zeven acht negen tien elf twaalf",
        vague_numbers="enkele een_paar enige",
        last=("vorige_week", "vorige_maand", "vorig_jaar"),
    ),
    RelativeWords(
        "pl",
        (
            "sekund sekundy sekundę sek s | sek s",
            "minut minuty minutę min m | min m",
            "godzin godziny godzinę godz g h | godz g h",
            "dni dnia dzień d | dni d",
            "tygodni tygodnie tydzień tygodnia tyg tydz | tyg",
            "miesięcy miesiące miesiąc miesiąca mies | mies",
            "lat lata rok roku |",
        ),
        now="przed_chwilą teraz właśnie_teraz chwilę_temu",
        today="dzisiaj dziś",
        yesterday="wczoraj",
        day_before="przedwczoraj",
        after="temu",
        numbers=(
            "jeden/jedną/jedna dwa/dwie trzy cztery pięć sześć siedem osiem dziewięć dziesięć "
            "jedenaście dwanaście"
        ),
        vague_numbers="kilka parę",
        last=("w_zeszłym_tygodniu", "w_zeszłym_miesiącu", "w_zeszłym_roku"),
        one_may_be_left_out=True,
    ),
    RelativeWords(
        "ru",
        (
            "секунд секунды секунду сек с | сек с",
            "минут минуты минуту мин м | мин м",
            "часов часа час ч | ч",
            "дней дня день дн д | дн д",
            "недель недели неделю нед н | нед",
            "месяцев месяца месяц мес | мес",
            "лет года год г л | г л",
        ),
        now="только_что сейчас прямо_сейчас",
        today="сегодня",
        yesterday="вчера",
        day_before="позавчера",
        after="назад тому_назад",
        numbers=(
            "один/одну/одна два/две три четыре пять шесть семь восемь девять десять одиннадцать "
            "двенадцать"
        ),
        vague_numbers="несколько пару",
        last=("на_прошлой_неделе", "в_прошлом_месяце", "в_прошлом_году"),
        one_may_be_left_out=True,
    ),
    RelativeWords(
        "ar",
        (
            "ثانية ثواني ثوانٍ ثوانِ ثوان |",
            "دقيقة دقائق د | د",
            "ساعة ساعات س | س",
            "يوم أيام يومًا يوما ي | ي",
            "أسبوع أسابيع أسبوعًا أسبوعا |",
            "شهر أشهر شهور شهرًا شهرا |",
            "سنة سنوات سنين عام أعوام عامًا عاما |",
        ),
        pairs=(
            "ثانيتين",
            "دقيقتين",
            "ساعتين",
            "يومين",
            "أسبوعين",
            "شهرين",
            "سنتين عامين",
        ),
        now="الآن منذ_لحظات قبل_لحظات للتو",
        today="اليوم",
        yesterday="أمس البارحة",
        day_before="أول_أمس أول_من_أمس",
        before="قبل منذ قبل_حوالي منذ_حوالي منذ_أكثر_من منذ_أقل_من قبل_نحو منذ_نحو",
        numbers=(
            "واحد/واحدة اثنان/اثنين ثلاث/ثلاثة أربع/أربعة خمس/خمسة ست/ستة سبع/سبعة ثماني/ثمانية "
            "تسع/تسعة عشر/عشرة"
        ),
        vague_numbers="بضع بضعة عدة",
        last=("الأسبوع_الماضي", "الشهر_الماضي", "السنة_الماضية العام_الماضي"),
        one_may_be_left_out=True,
    ),
    RelativeWords(
        "he",
        (
            "שניות שנייה שניה שני׳ שנ׳ |",
            "דקות דקה דק׳ ד׳ |",
            "שעות שעה שע׳ ש׳ |",
            "ימים יום |",
            "שבועות שבוע שב׳ |",
            "חודשים חודש חו׳ |",
            "שנים שנה |",
        ),
        pairs=("", "", "שעתיים", "יומיים", "שבועיים", "חודשיים", "שנתיים"),
        now="עכשיו כרגע זה_עתה הרגע לפני_רגע",
        today="היום",
        yesterday="אתמול",
        day_before="שלשום",
        before="לפני לפני_כ",
        numbers=(
            "אחת/אחד שתי/שני שלוש/שלושה ארבע/ארבעה חמש/חמישה שש/שישה שבע/שבעה שמונה תשע/תשעה "
            "עשר/עשרה"
        ),
        vague_numbers="מספר כמה",
        last=("שבוע_שעבר", "חודש_שעבר", "שנה_שעברה"),
        one_may_be_left_out=True,
    ),
    RelativeWords(
        "ja",
        (
            "秒 秒間 |",
            "分 分間 |",
            "時間 |",
            "日 日間 |",
            "週間 週 |",
            "か月 ヶ月 ヵ月 カ月 ケ月 ヶ月間 個月 箇月 |",
            "年 年間 |",
        ),
        now="たった今 たったいま 今 今すぐ ついさっき",
        today="今日 本日",
        yesterday="昨日 きのう",
        day_before="一昨日 おととい",
        after="前 まえ",
        vague_numbers="数",
        numbers="一 二 三 四 五 六 七 八 九 十 十一 十二",
        last=("先週", "先月", "昨年 去年"),
        spaced=False,
    ),
    RelativeWords(
        "zh",
        (
            "秒钟 秒 秒鐘 |",
            "分钟 分 分鐘 |",
            "小时 个小时 小時 個小時 |",
            "天 日 |",
            "周 个星期 星期 週 個星期 |",
            "个月 個月 月 |",
            "年 |",
        ),
        now="刚刚 刚才 现在 剛剛 剛才 現在",
        today="今天 今日",
        yesterday="昨天 昨日",
        day_before="前天 前日",
        after="前 之前 以前",
        numbers="一 二/两/兩 三 四 五 六 七 八 九 十 十一 十二",
        vague_numbers="几 数 幾",
        last=("上周 上星期 上週", "上个月 上月 上個月", "去年"),
        spaced=False,
    ),
    RelativeWords(
        "sv",
        (
            "sekunder sekund sek s | sek s",
            "minuter minut min | min",
            "timmar timme tim h | tim h",
            "dagar dag dygn d | d",
            "veckor vecka v | v",
            "månader månad mån | mån",
            "år | år",
        ),
        now="nu just_nu nyss alldeles_nyss",
        today="idag i_dag",
        yesterday="igår i_går",
        day_before="i_förrgår förrgår",
        after="sedan sen",
        numbers="en/ett två tre fyra fem sex sju åtta nio tio elva tolv",
        vague_numbers="några ett_par",
        last=("förra_veckan", "förra_månaden", "förra_året"),
    ),
    RelativeWords(
        "nb",
        (
            "sekunder sekund sek s | sek s",
            "minutter minutt minut min | min",
            "timer time t | t",
            "dager dag døgn dage d | d",
            "uker uke uger uge u | u",
            "måneder måned md mdr mnd | md mdr mnd",
            "år | år",
        ),
        now="nå akkurat_nå nettopp nu lige_nu lige_nu",
        today="i_dag idag",
        yesterday="i_går igår",
        day_before="i_forgårs i_forgårs forgårs",
        after="siden",
        numbers="en/ett/et to tre fire fem seks/sju/seks sju/syv åtte/otte ni ti elleve tolv",
        vague_numbers="noen nogle et_par",
        last=("forrige_uke sidste_uge", "forrige_måned sidste_måned", "i_fjor sidste_år"),
    ),
    RelativeWords(
        "hu",
        (
            "másodperccel mp |",
            "perccel |",
            "órával |",
            "nappal |",
            "héttel |",
            "hónappal |",
            "évvel |",
        ),
        now="most épp_most az_imént",
        today="ma",
        yesterday="tegnap",
        day_before="tegnapelőtt",
        after="ezelőtt",
        numbers="egy kettő/két három négy öt hat hét nyolc kilenc tíz",
        vague_numbers="néhány pár",
        last=("múlt_héten", "múlt_hónapban", "tavaly"),
    ),
    RelativeWords(
        "hu",
        ("másodperce m.perce |", "perce |", "órája |", "napja |", "hete |", "hónapja |", "éve |"),
        now="",
        today="",
        yesterday="",
        past_units=True,
        numbers="egy kettő/két három négy öt hat hét nyolc kilenc tíz",
        vague_numbers="néhány pár",
    ),
    RelativeWords(
        "el",
        (
            "δευτερόλεπτα δευτερόλεπτο δευτ δ |",
            "λεπτά λεπτό λεπ λ | λ",
            "ώρες ώρα ώ | ώ",
            "ημέρες ημέρα μέρες μέρα ημ | ημ",
            "εβδομάδες εβδομάδα εβδ | εβδ",
            "μήνες μήνα μ |",
            "χρόνια χρόνο έτη έτος |",
        ),
        now="τώρα μόλις_τώρα",
        today="σήμερα",
        yesterday="χθες χτες",
        day_before="προχθές προχτές",
        before="πριν πριν_από",
        after="πριν",
        numbers="ένα/μία/μια/έναν δύο τρεις/τρία τέσσερις/τέσσερα πέντε έξι επτά οκτώ εννέα δέκα",
        vague_numbers="λίγα λίγες μερικά μερικές",
        last=("προηγούμενη_εβδομάδα", "προηγούμενο_μήνα", "πέρσι"),
    ),
    RelativeWords(
        "ko",
        ("초 |", "분 |", "시간 |", "일 |", "주 주일 |", "개월 달 |", "년 |"),
        now="방금 지금 방금_전",
        today="오늘",
        yesterday="어제",
        day_before="그저께 그제",
        after="전",
        vague_numbers="몇",
        numbers="한 두 세 네 다섯 여섯 일곱 여덟 아홉 열",
        last=("지난주", "지난달", "작년 지난해"),
        spaced=False,
    ),
)
