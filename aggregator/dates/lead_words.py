"""Words that may stand around a date on a page, and names of weekdays that are not one word.

`_` stands for a space.
"""

BY = (
    "by von par por di da door przez автор автора от av af från fra de van bởi από بواسطة بقلم "
    "מאת על_ידי in under to and und et y e en i и"
).split()
"""What may follow a date within a text: the words before an author or a category."""

LEADS = (
    "posted published publication updated update last modified edited written created added date "
    "dated released on at from the of since time first filed submitted asked answered commented "
    "st nd rd th day am um vom den der das veröffentlicht erstellt aktualisiert aktualisierung "
    "stand geändert zuletzt datum uhr gepostet geschrieben erschienen seit le la à du publié "
    "publiée posté mis mise jour modifié depuis dernière modification vers écrit er el las los "
    "publicado publicada actualizado actualizada fecha última hora il alle ore del dal pubblicato "
    "pubblicata aggiornato aggiornamento ultimo data em às as atualizado atualizada postado "
    "atualização dia º op om geplaatst gepubliceerd bijgewerkt laatst gewijzigd dnia o w "
    "opublikowano dodano dodany zaktualizowano aktualizacja r g ostatnia опубликовано обновлено "
    "добавлено в во дата г изменено размещено نشر نشرت تم في بتاريخ الساعة آخر تحديث يوم كتب "
    "النشر تاريخ ال פורסם פורסמה ב בתאריך עודכן בשעה ביום יום נכתב תאריך kl klokken klockan "
    "publicerad publicerat uppdaterad publisert oppdatert udgivet opdateret d på skrevet skriven "
    "mo di mi do fr sa so ma wo vr za zo lu me je ve son megjelent frissítve közzétéve dátum "
    "δημοσιεύτηκε δημοσιεύθηκε ενημερώθηκε στις την τις ημερομηνία"
).split()
"""What may stand before a date, and between a date and its time."""

UNSPACED_LEADS = (
    "公開日 公開 更新日時 更新日 更新 投稿日時 投稿日 投稿 作成日 作成 掲載日 掲載 配信 登録日 "
    "日時 に は の 发布时间 发布于 发布 发表于 发表 更新于 更新时间 时间 日期 于 發布於 發布 "
    "發表於 發表 更新於 時間 於 작성일 작성 등록일 등록 게시일 게시 입력 수정일 수정 발행 "
    "업데이트 일시"
).split()
"""The same in Japanese, Chinese and Korean, where no space need follow."""

WEEKDAY_NAMES = (
    "星期一/周一/週一/月曜日/월요일/יום_שני/ביום_שני",
    "星期二/周二/週二/火曜日/화요일/יום_שלישי/ביום_שלישי",
    "星期三/周三/週三/水曜日/수요일/יום_רביעי/ביום_רביעי",
    "星期四/周四/週四/木曜日/목요일/יום_חמישי/ביום_חמישי",
    "星期五/周五/週五/金曜日/금요일/יום_שישי/ביום_שישי",
    "星期六/周六/週六/土曜日/토요일/יום_שבת/ביום_שבת",
    "星期日/星期天/周日/周天/週日/日曜日/일요일/יום_ראשון/ביום_ראשון",
)
"""Names of weekdays, Monday to Sunday, that are not one word between spaces."""

LAST_WEEKDAY = (
    "last letzten letzter vergangenen dernier pasado scorso passada passado última último "
    "afgelopen vorige zeszły ostatni прошлый прошлую прошлая الماضي förra forrige sidste múlt "
    "προηγούμενη 上 先週の 지난 בשבוע שעבר"
).split()
"""What stands with the name of a weekday that is not today."""
