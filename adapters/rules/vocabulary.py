"""The words the rules know, as data: what each stands for, in English first and a little in other big languages.

A phrase in a `…_CLEAR` table counts wherever it stands. One in a `…_BOUND` table has other meanings too ("a portrait
of a woman", "a black and white cat"), so it counts only where it stands as a remark of its own.
"""

from __future__ import annotations

from typing import Any

from core.reading import Intent
from core.request import SILENT, Tier


def word_set(words: str) -> frozenset[str]:
    """Single words, written with spaces between them."""
    return frozenset(words.split())


def _same(*phrases: str) -> dict[str, str]:
    return {phrase: phrase for phrase in phrases}


def _all(value: Any, *phrases: str) -> dict[str, Any]:
    return dict.fromkeys(phrases, value)


ASPECT_CLEAR = {
    **_all("9:16", "for tiktok", "for tik tok", "youtube shorts", "youtube short", "instagram reel"),
    **_all("9:16", "instagram reels"),
    **_all("9:16", "instagram story", "instagram stories", "snapchat", "phone format", "for stories"),
    **_all("9:16", "as a story"),
    **_all("9:16", "as a reel", "for a reel", "for reels", "for shorts", "portrait mode", "portrait format"),
    **_all("9:16", "hochformat", "formato vertical", "format vertical", "вертикальное", "вертикальне"),
    **_all("16:9", "widescreen", "wide screen", "for youtube", "landscape mode", "landscape format"),
    **_all("16:9", "querformat"),
    **_all("16:9", "formato horizontal", "format horizontal", "горизонтальное", "горизонтальне"),
    **_all("1:1", "square format", "quadratisch", "formato cuadrado", "квадратное", "квадратне"),
}
ASPECT_BOUND = {
    **_all("9:16", "portrait", "vertical", "upright", "tall", "reel", "reels", "story", "stories", "shorts"),
    **_all("9:16", "tiktok"),
    **_all("16:9", "landscape", "horizontal", "wide", "youtube"),
    **_all("1:1", "square"),
}
RESOLUTION_CLEAR = {
    "360p": "360p", "480p": "480p", "720p": "720p", "1080p": "1080p", "1440p": "1080p", "2160p": "4k",
    "full hd": "1080p", "fullhd": "1080p", "fhd": "1080p", "hd": "720p", "4k": "4k", "uhd": "4k",
    "ultra hd": "4k",
}  # fmt: skip
TIER_CLEAR = {
    **_all(Tier.DRAFT, "cheaper", "cheapest", "quick draft", "rough draft", "low cost", "low quality"),
    **_all(Tier.DRAFT, "as a draft"),
    **_all(Tier.BEST, "best quality", "highest quality", "high quality", "top quality", "better quality"),
    **_all(Tier.BEST, "best possible quality", "maximum quality", "premium quality", "higher quality"),
    **_all(Tier.STANDARD, "standard quality", "normal quality", "medium quality"),
}
TIER_BOUND = {
    **_all(Tier.DRAFT, "draft", "cheap", "low budget"),
    **_all(Tier.BEST, "best", "premium"),
    **_all(Tier.STANDARD, "standard"),
}
STYLE_CLEAR = {
    **_same("cinematic", "anime", "photorealistic", "claymation", "stop motion", "pixel art", "film noir"),
    **_same("cartoon"),
    **_same("watercolor", "oil painting", "comic book", "cyberpunk", "steampunk", "vaporwave", "low poly"),
    **_same("lego"),
    **_same("origami", "hand drawn", "line art", "pencil sketch", "charcoal drawing", "paper cutout"),
    **_same("ukiyo-e"),
    **_same("impressionist", "surrealist", "art deco", "documentary", "found footage", "super 8", "vhs"),
    **_same("retro"),
    **_same("film grain", "hyperrealistic", "manga", "graphic novel", "psychedelic", "isometric"),
    **_same("double exposure"),
    "realistic": "realistic", "photo realistic": "photorealistic", "watercolour": "watercolor",
    "noir": "film noir",
    "3d animation": "3D animation", "3d animated": "3D animation", "cgi": "3D animation",
    "animated": "animation",
    "2d animation": "2D animation", "pixar": "3D animation like a family film", "ghibli": "hand-drawn anime",
    "clay animation": "claymation", "realistisch": "realistic", "zeichentrick": "cartoon",
    "aquarell": "watercolor",
    "cinematográfico": "cinematic", "cinématographique": "cinematic", "аниме": "anime", "аніме": "anime",
    "1920s style": "1920s", "1950s style": "1950s", "60s style": "1960s", "in the 60s": "1960s",
    "70s style": "1970s", "in the 70s": "1970s", "80s": "1980s",
    "90s": "1990s", "black and white film": "black and white", "black and white video": "black and white",
}  # fmt: skip
STYLE_BOUND = {
    **_same("black and white", "vintage", "minimalist", "neon", "fantasy", "sci-fi", "clay", "sepia"),
    **_same("monochrome"),
    **_same("abstract", "gothic", "futuristic"),
    "sketch": "pencil sketch", "b&w": "black and white", "3d": "3D animation", "2d": "2D animation",
    "schwarz-weiß": "black and white", "blanco y negro": "black and white",
    "noir et blanc": "black and white",
    "чёрно-белое": "black and white", "чорно-біле": "black and white",
}  # fmt: skip
CAMERA_CLEAR = {
    **_same("close-up", "extreme close-up", "wide shot", "medium shot", "drone shot", "aerial shot"),
    **_same("aerial view"),
    **_same("tracking shot", "slow motion", "time-lapse", "hyperlapse", "pan left", "pan right", "zoom in"),
    **_same("zoom out", "dolly in", "dolly out", "dolly zoom", "handheld", "low angle", "high angle"),
    **_same("one take"),
    **_same("over the shoulder", "crane shot", "steadicam", "static shot", "macro shot", "fisheye"),
    **_same("tilt up"),
    **_same("tilt down", "wide angle", "establishing shot", "bird's eye view", "orbit shot"),
    **_same("first person view"),
    "closeup": "close-up", "slow mo": "slow motion", "slowmo": "slow motion", "timelapse": "time-lapse",
    "first person": "first person view", "pov": "first person view", "birds eye view": "bird's eye view",
    "drone footage": "drone shot", "from above": "from above", "single shot": "one take",
    "zeitlupe": "slow motion",
    "cámara lenta": "slow motion", "ralenti": "slow motion", "rallentatore": "slow motion",
    "câmera lenta": "slow motion", "замедленно": "slow motion", "уповільнено": "slow motion",
}  # fmt: skip
CAMERA_BOUND = {"drone": "drone shot", "macro": "macro shot", "aerial": "aerial shot"}
MOOD_CLEAR = {
    **_same("funny", "scary", "spooky", "epic", "romantic", "melancholic", "mysterious", "dreamy"),
    **_same("nostalgic"),
    **_same("playful", "whimsical", "uplifting", "energetic", "serene", "eerie", "hopeful", "suspenseful"),
    **_same("dramatic", "moody", "cosy", "tense", "cheerful", "peaceful"),
    "cozy": "cosy", "hilarious": "funny", "lustig": "funny", "divertido": "funny", "drôle": "funny",
}  # fmt: skip
MOOD_BOUND = {
    **_same("calm", "sad", "happy", "dark", "warm", "bright", "darker", "brighter", "happier", "sadder"),
    **_same("calmer"),
    "funnier": "funny", "scarier": "scary", "more dramatic": "dramatic",
}  # fmt: skip
NO_MUSIC = "no music, only the sounds of the scene"
AUDIO_CLEAR = {
    **_all(SILENT, "silent", "no sound", "no sounds", "no audio", "without sound", "without audio"),
    **_all(SILENT, "without any sound"),
    **_all(SILENT, "mute", "muted", "sound off", "ohne ton", "stumm", "sin sonido", "sans son"),
    **_all(SILENT, "senza audio"),
    **_all(SILENT, "sem som", "без звука", "без звуку"),
    **_all(NO_MUSIC, "no music", "without music", "without any music", "ohne musik", "sin música", "sans musique"),
    **_all(NO_MUSIC, "senza musica", "sem música", "без музыки", "без музики"),
    **_all("voice-over", "with a voice over", "with voice over", "with a narrator", "with narration"),
    **_all("birdsong", "with birdsong", "birds singing in the background"),
    **_all("music", "with music", "mit musik", "con música", "avec de la musique", "con musica"),
    **_all("music", "com música"),
    **_all("music", "с музыкой", "з музикою"),
}
LANGUAGES = {
    "english": "en", "german": "de", "spanish": "es", "french": "fr", "italian": "it", "portuguese": "pt",
    "russian": "ru", "ukrainian": "uk", "polish": "pl", "dutch": "nl", "turkish": "tr", "arabic": "ar",
    "hindi": "hi", "japanese": "ja", "korean": "ko", "chinese": "zh", "mandarin": "zh", "swedish": "sv",
}  # fmt: skip
LANGUAGE_CLEAR = {f"in {name}": code for name, code in LANGUAGES.items()} | {
    "auf deutsch": "de", "en español": "es", "en français": "fr", "in italiano": "it", "em português": "pt",
    "по-русски": "ru", "українською": "uk",
}  # fmt: skip

LENGTH = {
    **_all(1.5, "longer", "a bit longer", "a little longer", "länger", "más largo", "plus long", "più lungo"),
    **_all(1.5, "mais longo", "длиннее", "довше", "extend it"),
    **_all(2.0, "twice as long", "double the length", "much longer", "a lot longer", "double length"),
    **_all(0.65, "shorter", "a bit shorter", "a little shorter", "kürzer", "más corto", "plus court"),
    **_all(0.65, "più corto"),
    **_all(0.65, "mais curto", "короче", "коротше"),
    **_all(0.5, "half as long", "half the length", "much shorter", "a lot shorter"),
}
"""What a remark about the length multiplies it by."""

NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "eighteen": 18,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "a": 1, "an": 1,
    "half": 0.5,
    "half a": 0.5, "a half": 0.5, "one and a half": 1.5, "a couple of": 2, "a few": 4, "eine": 1, "zwei": 2,
    "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "acht": 8, "zehn": 10, "halbe": 0.5, "una": 1, "dos": 2,
    "tres": 3,
    "cinco": 5, "seis": 6, "ocho": 8, "diez": 10, "media": 0.5, "cinq": 5, "huit": 8, "dix": 10, "cinque": 5,
    "otto": 8, "dieci": 10, "oito": 8, "dez": 10, "пять": 5, "восемь": 8, "десять": 10, "п'ять": 5,
    "вісім": 8,
}  # fmt: skip
SECONDS = word_set(
    "s sec secs second seconds sek sekunde sekunden segundo segundos seconde secondes secondo secondi сек "
    "секунда секунды секунд секунди"
)
MINUTES = word_set("min mins minute minutes minuten minuto minutos minuti минута минуты минут хвилина хвилини")
RANGE = word_set("to or bis oder a o ou до или або")
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4,
    "erste": 1, "zweite": 2, "dritte": 3, "primero": 1, "segundo": 2, "tercero": 3, "premier": 1,
    "deuxième": 2,
    "первый": 1, "второй": 2, "третий": 3, "перший": 1, "другий": 2, "третій": 3,
}  # fmt: skip

POLITE = word_set(
    "please pls plz bitte por favor per favore s'il vous plaît пожалуйста будь ласка bot reelbot just so "
    "ok okay well hey thanks actually maybe then"
)
"""Words that change nothing in a short remark."""

REMARKS: dict[str, Intent] = {
    **_all(Intent.CONFIRM, "yes", "y", "yep", "yeah", "yup", "sure", "ok", "okay", "go", "go ahead"),
    **_all(Intent.CONFIRM, "do it", "make it"),
    **_all(Intent.CONFIRM, "yes do it", "yes make it", "confirm", "confirmed", "approved", "sounds good"),
    **_all(Intent.CONFIRM, "looks good"),
    **_all(Intent.CONFIRM, "perfect", "great", "let's go", "lets go", "of course", "absolutely", "alright"),
    **_all(Intent.CONFIRM, "yes go"),
    **_all(Intent.CONFIRM, "ja", "jawohl", "klar", "los", "mach es", "mach's", "sí", "si", "vale", "claro"),
    **_all(Intent.CONFIRM, "hazlo"),
    **_all(Intent.CONFIRM, "oui", "d'accord", "vas y", "va bene", "certo", "sì", "sim", "да", "давай"),
    **_all(Intent.CONFIRM, "так", "хорошо"),
    **_all(Intent.CANCEL, "cancel", "cancel it", "cancel that", "cancel this", "cancel everything", "stop"),
    **_all(Intent.CANCEL, "stop it"),
    **_all(Intent.CANCEL, "stop that", "never mind", "nevermind", "forget it", "abort", "don't do it"),
    **_all(Intent.CANCEL, "drop it"),
    **_all(Intent.CANCEL, "do not do it", "abbrechen", "abbruch", "stopp", "vergiss es", "cancelar"),
    **_all(Intent.CANCEL, "cancela", "para"),
    **_all(Intent.CANCEL, "annuler", "annule", "arrête", "annulla", "ferma", "отмена", "отмени", "стоп"),
    **_all(Intent.CANCEL, "скасуй"),
    **_all(Intent.CANCEL, "скасувати", "cancel the video", "cancel my video", "stop the video", "отменить"),
    **_all(Intent.CANCEL, "pare"),
    **_all(Intent.STATUS, "status", "how is it going", "how's it going", "is it ready", "is it ready yet"),
    **_all(Intent.STATUS, "ready yet"),
    **_all(Intent.STATUS, "is it done", "is it done yet", "done yet", "how long", "how long will it take"),
    **_all(Intent.STATUS, "eta"),
    **_all(Intent.STATUS, "how much longer", "how long does it take", "progress", "where is my video"),
    **_all(Intent.STATUS, "any news"),
    **_all(Intent.STATUS, "where is it", "are you done", "what's the status", "what is the status"),
    **_all(Intent.STATUS, "how far are you"),
    **_all(Intent.STATUS, "is my video ready", "when is it ready", "when will it be ready"),
    **_all(Intent.STATUS, "is the video ready"),
    **_all(Intent.STATUS, "how is my video", "is it finished", "wie weit", "wie lange noch", "fertig"),
    **_all(Intent.STATUS, "estado"),
    **_all(Intent.STATUS, "statut", "stato", "статус", "готово", "how is it going with", "how is"),
    **_all(Intent.STATUS, "what about", "how is going", "how's going"),
    **_all(Intent.LIST, "my videos", "list", "list my videos", "show my videos", "show me my videos"),
    **_all(Intent.LIST, "videos"),
    **_all(Intent.LIST, "all my videos", "what videos do i have", "list videos", "my clips", "meine videos"),
    **_all(Intent.LIST, "mis videos", "mis vídeos", "mes vidéos", "i miei video", "meus vídeos", "мои видео"),
    **_all(Intent.LIST, "мої відео", "show all videos", "history"),
    **_all(Intent.SETTINGS, "settings", "my settings", "preferences", "options", "change my settings"),
    **_all(Intent.SETTINGS, "einstellungen"),
    **_all(Intent.SETTINGS, "ajustes", "paramètres", "impostazioni", "configurações", "настройки"),
    **_all(Intent.SETTINGS, "налаштування"),
    **_all(Intent.HELP, "help", "help me", "what can you do", "how does this work", "how does it work"),
    **_all(Intent.HELP, "what is this", "show me what you can do"),
    **_all(Intent.HELP, "who are you", "what are you", "start", "how do i use this", "commands", "hilfe"),
    **_all(Intent.HELP, "ayuda"),
    **_all(Intent.HELP, "aide", "aiuto", "ajuda", "помощь", "допоможи", "допомога", "помоги"),
    **_all(Intent.HELP, "what can i do"),
    **_all(Intent.HELP, "how much does it cost", "what does it cost", "how much is it", "what can i ask for"),
    **_all(Intent.CHAT, "thanks", "thank you", "thx", "thank you very much", "thanks a lot", "cool", "nice"),
    **_all(Intent.CHAT, "wow"),
    **_all(Intent.CHAT, "danke", "gracias", "merci", "grazie", "obrigado", "obrigada", "спасибо", "дякую"),
    **_all(Intent.CHAT, "bye"),
    **_all(Intent.CHAT, "good bye", "goodbye", "lol", "haha", "hahaha", "love it", "i love it", "awesome"),
    **_all(Intent.CHAT, "amazing"),
    **_all(Intent.CHAT, "good job", "well done", "hmm", "hm", "no problem", "you're welcome", "good night"),
    **_all(Intent.CHAT, "super"),
    **_all(Intent.CHAT, "i don't like it", "test", "testing", "ping"),
}
GREETINGS = frozenset(
    {"hi", "hello", "hey", "hi there", "hello there", "hey there", "good morning", "good evening"}
    | {"good afternoon"}
    | {"hallo", "hola", "bonjour", "salut", "ciao", "olá", "oi", "привет", "привіт", "yo", "guten tag"}
    | {"buenos días"}
    | {"здравствуйте", "вітаю", "how are you", "hi how are you"}
)
NO = frozenset(
    {"no", "nope", "nah", "no thanks", "no thank you", "none", "nothing", "nein", "non", "não", "нет", "ні"}
    | {"n"}
    | {"nothing else", "no nothing", "not now"}
)
DECIDE = frozenset(
    {"you decide", "whatever", "any", "anything", "surprise me", "you choose", "up to you", "your choice"}
    | {"don't care"}
    | {"i don't care", "doesn't matter", "it doesn't matter", "no preference", "i don't know", "don't know"}
    | {"idk"}
    | {"you pick", "whatever you like", "whatever you want", "dealer's choice", "no idea", "not sure"}
    | {"skip", "egal"}
    | {"mir egal", "entscheide du", "du entscheidest", "tú decides", "decide tú", "lo que sea"}
    | {"comme tu veux"}
    | {"peu importe", "decidi tu", "fai tu", "você decide", "tanto faz", "реши сам", "решай сам", "всё равно"}
    | {"вирішуй сам", "байдуже", "either", "anywhere", "random", "decide for me", "you can decide", "default"}
)
HURRY_ALONE = frozenset(
    {"now", "right now", "quick", "quickly", "hurry", "hurry up", "fast", "faster", "do it now"}
    | {"make it now", "go now"}
    | {"jetzt", "sofort", "schnell", "ahora", "ya", "rápido", "maintenant", "tout de suite", "vite"}
    | {"adesso", "subito"}
    | {"agora", "já", "сейчас", "быстро", "зараз", "швидко", "yes now", "skip questions"}
)
HURRY_ANYWHERE = {
    **_all(True, "just do it", "just make it", "asap", "no questions", "no more questions", "right now"),
    **_all(True, "immediately"),
    **_all(True, "as soon as possible", "as fast as possible", "don't ask", "do not ask", "do it now"),
    **_all(True, "hurry up"),
    **_all(True, "without questions", "stop asking", "make it now"),
}

MAKE = word_set(
    "make create generate produce render film shoot animate draw want need like give show do prepare mach "
    "mache erstelle erzeuge haz hazme crea genera fais crée génère fai faça faz crie gere сделай сделайте "
    "создай зроби зробіть створи генерируй хочу"
)
CLIP = word_set(
    "video videos clip clips film films movie movies animation animations reel footage teaser trailer "
    "commercial ad vídeo vídeos vidéo vidéos videoclip ролик видео відео відеоролик видеоролик фильм кліп "
    "клип"
)
OPENING = word_set(
    "please pls hey hi hello ok okay so and now then can could would will you i i'd i'll we we'd like want "
    "need to let's us me bot reelbot also just kannst du mir bitte puedes me peux tu pouvez vous puoi você "
    "pode можешь мне мені можеш ich möchte will quiero je voudrais veux vorrei voglio quero eu io yo plus "
    "next another one more love"
)
"""Words that may come before the wish's verb."""
ABOUT = word_set(
    "of about showing with where that shows featuring which von mit über de sobre con d'un d'une avec di su "
    "con com о об про с з із in ever"
)
"""Words between "a video" and what it shows."""
JOIN = word_set(
    "join combine merge glue concatenate concat stitch splice link connect chain verbinde verbinden kombiniere klebe "
    "une junta combina combine assemble colle assembla unisci attacca juntar unir склей соедини объедини склей "
    "з'єднай об'єднай поєднай"
)
"""Verbs for putting clips together."""
JOIN_APART = word_set(
    "put bring cut string mach mache setze füge hänge pon poner mets mettre metti coloca собери постав"
)
"""The same where a word for "together" comes later."""
ADD = word_set("add append attach put insert hänge füge añade agrega ajoute aggiungi adiciona добавь додай")
"""Verbs for putting one clip at the end of others."""
TOGETHER = word_set(
    "together one single zusammen aneinander hintereinander juntos juntas junto ensemble insieme вместе одно разом"
)
PLAIN_ADJECTIVES = word_set(
    "a an the one another some my our new short little nice cool great quick good beautiful small quickly "
    "ein eine einen un una une um uma me us for mir uns pour para two three four five several few couple "
    "couple of more second third"
)
"""Words around "video" that say nothing about it."""
PRONOUNS = word_set("it this that them him her these those everything es das lo la le les ça его її його это це")
CHANGE = word_set(
    "change add remove replace swap turn put same but instead longer shorter more less without keep use try "
    "redo again ändere füge cambia añade change-le ajoute aggiungi adicione измени добавь зміни додай with"
)
"""First words of a wish to change what there is."""
ASKING = word_set("what why how when where who which is are was do does did can could would will should")
SPEAKING = word_set(
    "says say saying said shouts shouting whispers whispering asks asking yells sings singing speaks "
    "speaking tells voice narrator narration dialogue voiceover"
)
SHOWN = word_set("words word text title titled caption captioned headline reads reading written slogan label subtitle")
SIGNS = word_set(
    "sign banner billboard shirt poster screen board paper note card letter logo flag placard plaque cake "
    "balloon billboards it that"
)
"""What a text can stand on: "a sign that says" shows words, "a man who says" speaks them."""

FORMAT_NOUNS = CLIP | word_set("mode format orientation style look version shot aspect one please now quality")
LEADS = word_set(
    "in as for it but and or more very bit slightly rather quite make be with this that of im en em look looks to"
)
SWALLOW_LEFT = word_set(
    "in as for with a an the lasting about around of at be is to using make it long some roughly it's "
    "approximately only exactly within"
)
SWALLOW_RIGHT = word_set(
    "long style styled format mode orientation quality resolution look total length aspect ratio video- style"
)
CLAUSE_ENDS = word_set("and but with in on at or for while then so just please now from to by during because as of")
PLACE_WORDS = word_set(
    "in on at under underwater inside outside near beside behind through across along during over above "
    "beneath below around against amid amidst among between by atop"
)
NOT_PLACES = word_set(
    "suit hat dress coat costume jacket shirt uniform armor armour helmet scarf sweater glasses boots "
    "love pieces circles circle style fire color colour detail it them him her me us you slow reverse"
)
VERBS_WITH_PLACE_WORDS = word_set(
    "looking staring gazing pointing laughing smiling barking jumping leaping stepping knocking working "
    "playing looks stares jumps leaps points barks waving thinking shouting"
)
DANGLING = word_set("and but please for a an the of also then now just is so or it's")
"""Words that mean nothing when they are left at the end of a wish."""

MINORS = word_set(
    "child children kid kids minor minors underage toddler toddlers teen teens teenager teenagers "
    "schoolgirl schoolgirls schoolboy schoolboys preteen preteens infant baby babies kind kinder niño "
    "niña niños enfant enfants bambino bambini criança crianças ребёнок ребенок дети дитина діти"
)
SEXUAL = word_set(
    "sex sexual sexy nude naked nudes porn porno erotic nsfw undressing undressed topless fucking fuck "
    "masturbating orgasm lingerie seductive nackt desnudo desnuda nu nue nudo секс голый голая порно "
    "голий гола"
)
NEVER = frozenset(
    {"porn", "porno", "pornography", "hentai", "lolicon", "shotacon", "csam", "child porn", "sex tape"}
    | {"sex video"}
    | {"gangbang", "blowjob", "hardcore sex", "rape", "raping", "beheading", "behead", "snuff film"}
    | {"bestiality"}
    | {"how to build a bomb", "how to make a bomb", "build a pipe bomb", "isis propaganda"}
    | {"terrorist propaganda"}
    | {"suicide instructions", "how to kill myself", "revenge porn", "deepfake porn", "deepfake nude"}
    | {"порно"}
)
SOFTER = {
    "blood": "red paint", "bloody": "messy", "gore": "splashes of colour", "gun": "water pistol",
    "guns": "water pistols",
    "rifle": "broom", "knife": "wooden spoon", "sword": "wooden sword", "weapon": "toy", "weapons": "toys",
    "bomb": "firework", "explosion": "burst of confetti", "explodes": "bursts into confetti", "kill": "chase",
    "kills": "chases", "killing": "chasing", "killed": "chased", "murder": "mystery", "dead": "sleeping",
    "death": "deep sleep", "dying": "falling asleep", "corpse": "sleeping figure", "fight": "dance",
    "fights": "dances",
    "fighting": "dancing", "war": "snowball battle", "battle": "contest", "attack": "chase",
    "attacks": "chases",
    "shoot": "splash", "shoots": "splashes", "shooting": "splashing", "stab": "poke", "hit": "nudge",
    "torture": "tickle",
    "naked": "in a bathrobe", "nude": "in a bathrobe", "sexy": "elegant", "sex": "romance",
    "kissing": "holding hands",
    "kid": "grown-up", "kids": "grown-ups", "child": "grown-up", "children": "grown-ups", "girl": "woman",
    "boy": "man",
    "baby": "puppy", "teenager": "young adult", "drunk": "cheerful", "drugs": "sweets", "cocaine": "sugar",
    "cigarette": "lollipop", "smoking": "blowing bubbles", "suicide": "farewell", "terrorist": "rascal",
    "zombie": "sleepwalker",
}  # fmt: skip
"""Words that services refuse most often, each with a harmless stand-in."""

LANGUAGE_MARKS = {
    "de": word_set("der die das und ein eine einen mit von im ist nicht bitte mach video über ich auf"),
    "es": word_set("el la los las un una con de y en por que hazme haz vídeo para del"),
    "fr": word_set("le la les un une avec de et dans du des sur vidéo fais je que pour"),
    "it": word_set("il lo gli un una con di e nel nella della fai che per sulla"),
    "pt": word_set("o os as um uma com de e no na em do da faça vídeo para que"),
    "en": word_set("the a an of and in on with is it make me please video my to at"),
}
"""Little words each language is known by."""
