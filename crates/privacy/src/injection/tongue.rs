//! The order to forget all orders, in the languages customers write in.

use std::sync::LazyLock;

use super::sign::{Copy, OVERRIDE, Sign, expression};

/// Verb and object of the same order, in either sequence, within one sentence. Latin script is
/// written without diacritics, as the flat copy has it.
pub(super) static SIGNS: LazyLock<Vec<Sign>> = LazyLock::new(|| {
    let latin = LATIN.iter().map(|row| (Copy::Flat, row, r"\b"));
    let other = OTHER.iter().map(|row| (Copy::Lines, row, ""));
    latin
        .chain(other)
        .map(|(copy, (verb, object), edge)| {
            let (verb, object) = (format!("{edge}(?:{verb})"), format!("{edge}(?:{object})"));
            let gap = "[^.!?。！？\n]{0,60}";
            Sign {
                what: OVERRIDE,
                weight: 2,
                copy,
                expression: expression(&format!("{verb}{gap}{object}|{object}{gap}{verb}")),
            }
        })
        .collect()
});

const LATIN: &[(&str, &str)] = &[
    // German
    (
        r"ignorier(?:e|en|t)?\b|vergiss\b|vergesst\b|vergessen sie\b|missacht(?:e|en|et)\b|ubergeh(?:e|en|t)\b|uberspring(?:e|en)\b",
        r"anweisung(?:en)?\b|instruktion(?:en)?\b|vorgabe(?:n)?\b|(?:deine|ihre|alle|bisherigen|vorherigen|obigen) (?:\w+ )?(?:regeln|richtlinien|befehle)\b|system-?prompt",
    ),
    // French
    (
        r"ignore[rz]?\b|oublie[rz]?\b|ne (?:tiens|tenez) (?:pas|plus) compte|fai(?:s|tes) abstraction|neglige[rz]?\b|contourne[rz]?\b",
        r"instructions?\b|consignes?\b|directives?\b|regles (?:precedentes|ci-dessus|anterieures)",
    ),
    // Spanish
    (
        r"ignor(?:a|ad|ar|e|en)\b|olvid(?:a|ad|ar|e|en)\b|haz caso omiso|haga caso omiso|descart(?:a|e|ar)\b|pas(?:a|e) por alto",
        r"instrucciones\b|indicaciones (?:anteriores|previas)|ordenes\b|directrices\b|reglas (?:anteriores|previas)",
    ),
    // Portuguese
    (
        r"ignor(?:e|a|em|ar)\b|esque(?:ca|ce|cam|cer)\b|desconsider(?:e|a|em|ar)\b",
        r"instrucoes\b|ordens\b|orientacoes\b|diretrizes\b|regras (?:anteriores|acima)",
    ),
    // Italian
    (
        r"ignor(?:a|ate|are|i)\b|dimentic(?:a|ate|are|hi)\b|trascur(?:a|ate|are)\b|non (?:seguire|considerare)\b",
        r"istruzioni\b|direttive\b|ordini\b|regole (?:precedenti|sopra)",
    ),
    // Dutch
    (
        r"negeer\b|negeren\b|vergeet\b|sla .{0,10}over\b",
        r"instructies?\b|aanwijzing(?:en)?\b|opdracht(?:en)?\b|(?:vorige|eerdere|bovenstaande) regels",
    ),
    // Polish
    (
        r"z?ignoruj(?:cie)?\b|pomin(?:cie)?\b|zapomnij(?:cie)?\b|zlekcewaz\b",
        r"instrukcj[a-z]*\b|polece[a-z]*\b|wytyczn[a-z]*\b|zasad[a-z]* powyzej",
    ),
    // Czech, Slovak
    (
        r"ignoruj(?:te)?\b|zapomen(?:te)?\b|zabudni(?:te)?\b",
        r"pokyn[a-z]*\b|instrukc[a-z]*\b|prikaz[a-z]*\b",
    ),
    // Swedish, Danish, Norwegian
    (
        r"ignorer(?:a)?\b|glom\b|glem\b|bortse\b|se bort\b",
        r"instruktion(?:er|erna|erne)?\b|instruksjon(?:er|ene)?\b|anvisning(?:ar|arna|er|erne|ene)?\b|instruks(?:er|erne|ene)?\b",
    ),
    // Finnish
    (r"unohda\b|ohita\b|jata huomiotta|ala noudata", r"ohje(?:et|ita|tta)?\b|maarayks[a-z]*\b"),
    // Turkish
    (
        r"yok say[a-z]*\b|gormezden gel[a-z]*\b|unut(?:un)?\b|dikkate alma[a-z]*\b",
        r"talimat[a-z]*\b|komut[a-z]*\b|yonerge[a-z]*\b",
    ),
    // Vietnamese
    (
        r"bo qua\b|phot lo\b|quen (?:di|het|moi|tat)",
        r"huong dan\b|chi dan\b|chi thi\b|menh lenh\b|cac lenh\b",
    ),
    // Indonesian, Malay
    (r"abaikan\b|lupakan\b|hiraukan\b", r"instruksi\b|perintah\b|arahan\b|petunjuk\b"),
    // Romanian
    (r"ignora(?:ti)?\b|uita(?:ti)?\b", r"instructiun[a-z]*\b|indicatii[a-z]*\b"),
    // Hungarian
    (
        r"hagyd figyelmen kivul|hagyja figyelmen kivul|felejtsd el|felejtse el",
        r"utasitas[a-z]*\b|szabaly[a-z]*\b",
    ),
    // Greek, whose letters the flat copy leaves without accents
    (r"αγνοησ\w*|ξεχασ\w*|ξεχνα\w*", r"οδηγι\w*|εντολ\w*"),
];

const OTHER: &[(&str, &str)] = &[
    // Russian, Ukrainian, Bulgarian
    (
        r"игнорир\w*|проигнорир\w*|забуд\w*|не обращай\w*|ігнору\w*|пренебрегн\w*|забрав\w*",
        r"инструкци\w*|указани\w*|команд\w*|предписани\w*|інструкці\w*|вказівк\w*|правил\w* выше",
    ),
    // Chinese
    (
        r"忽略|无视|無視|忽視|忽视|忘记|忘記|不要理会|不要理會|不用理会|不要遵守|绕过",
        r"指令|指示|说明|說明|提示词|提示詞|规则|規則|命令",
    ),
    // Japanese
    (r"無視|忘れ|従わない|従うな", r"指示|命令|プロンプト|ルール|規則"),
    // Korean
    (r"무시|잊어|잊으|따르지", r"지시|명령|지침|프롬프트|규칙"),
    // Arabic, Persian
    (r"تجاهل|انس |انسى|نادیده|فراموش", r"التعليمات|تعليمات|الأوامر|القواعد|دستورالعمل|دستورات"),
    // Hebrew
    (r"התעלם|התעלמו|תתעלם|שכח", r"הוראות|ההוראות|הנחיות|ההנחיות|פקודות"),
    // Hindi
    (r"अनदेखा|अनदेखी|नज़रअंदाज़|नजरअंदाज|भूल ज", r"निर्देश|अनुदेश|आदेश|नियम"),
    // Thai
    (r"เพิกเฉย|ละเว้น|ไม่ต้องสนใจ|ลืม", r"คำสั่ง|คำแนะนำ|กฎ"),
];
