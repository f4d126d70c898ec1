//! What orders to a model look like in English and in any language's markup.

use std::sync::LazyLock;

use regex::Regex;

/// Which copy of a reading a sign is looked for in.
#[derive(Clone, Copy)]
pub(super) enum Copy {
    /// One line without diacritics.
    Flat,
    /// Lines as written.
    Lines,
}

/// One sign.
pub(super) struct Sign {
    /// What it shows, in words that follow "the customer's text".
    pub(super) what: &'static str,
    /// 2 when it is enough alone, 1 when it takes another.
    pub(super) weight: u32,
    pub(super) copy: Copy,
    pub(super) expression: Regex,
}

pub(super) const OVERRIDE: &str = "asks to ignore instructions";
const ROLE: &str = "gives a model another role";
const ADDRESS: &str = "speaks to a model";
const FORGED: &str = "plays a system's or a tool's message";
const REVIEW: &str = "claims approval or asks to skip review";
const RECIPIENT: &str = "asks to change who is written to";
const ACTION: &str = "asks for something only your own people may do";
const INTERNAL: &str = "asks for internal or other customers' data";
const RULES: &str = "tampers with rules or placeholders";
const MARKUP: &str = "hides text or code in markup";
const LINK: &str = "wants a link or an image in the answer";
const GRANT: &str = "asks to grant something";
const ENCODED: &str = "asks to decode and follow something";
const AUTHORITY: &str = "claims to come from your own company";
const ANSWER: &str = "says what the answer should hold";

/// Compiles an expression whose word boundaries are ASCII: names of other scripts have their own.
#[expect(clippy::expect_used, reason = "the test below compiles every one")]
pub(super) fn expression(pattern: &str) -> Regex {
    Regex::new(&pattern.replace(r"\b", r"(?-u:\b)")).expect("built-in expression compiles")
}

/// The signs that are enough alone, and those that are not.
pub(super) static SIGNS: LazyLock<Vec<Sign>> = LazyLock::new(|| {
    let flat = FLAT.iter().map(|sign| (Copy::Flat, sign));
    let lines = LINES.iter().map(|sign| (Copy::Lines, sign));
    flat.chain(lines)
        .map(|(copy, (what, weight, pattern))| Sign {
            what,
            weight: *weight,
            copy,
            expression: expression(pattern),
        })
        .collect()
});

type Row = (&'static str, u32, &'static str);

const FLAT: &[Row] = &[
    (
        OVERRIDE,
        2,
        r"\b(?:ignore|ignoring|disregard|disregarding|forget|override|overrides|bypass|neglect|discard|dismiss|set aside|stop following|(?:do not|don't|no longer|never) (?:follow|obey|apply))\b[^.!?]{0,50}\b(?:instructions?|prompts?|directives?|guidelines?|guardrails?|safeguards?|programming|system message|everything (?:above|before|you|said|that)|all (?:of )?(?:the |that )?(?:above|previous|prior|earlier|preceding)|what you were told|orders)\b",
    ),
    (
        OVERRIDE,
        2,
        r"\b(?:ignore|disregard|forget|override|bypass|break)\b (?:\w+ ){0,3}(?:your|previous|prior|above|earlier|preceding|existing|original|initial|workspace|company|safety|security) (?:\w+ ){0,2}(?:rules?|polic(?:y|ies)|restrictions?|constraints?|limits|configuration|training|filters?)\b",
    ),
    (
        OVERRIDE,
        2,
        r"\b(?:ignore|disregard|bypass) (?:all |any |the |these |those )+(?:rules?|polic(?:y|ies)|restrictions?|constraints?|safety|filters?)\b",
    ),
    (
        OVERRIDE,
        2,
        r"\brules (?:above|before this|that came before)\b[^.!?]{0,30}\b(?:no longer|not|void|obsolete|cancelled|superseded)\b",
    ),
    (
        OVERRIDE,
        2,
        r"\b(?:instructions?|rules|prompt|directives?)\b[^.!?]{0,25}\b(?:are|is) (?:now |hereby )?(?:void|obsolete|outdated|superseded|replaced|revoked|suspended|cancelled|null)\b",
    ),
    (
        OVERRIDE,
        2,
        r"(?:ignore|disregard|forget)(?:all|any|the|your|every)?(?:previous|prior|above|earlier|your)?(?:instructions|rules|prompts|orders)",
    ),
    (
        OVERRIDE,
        2,
        r"\byour (?:new|real|actual|true|only|updated) (?:task|job|goal|instructions?|purpose|objective|mission|orders?|role)\b",
    ),
    (
        ROLE,
        2,
        r"\byou are (?:now |no longer |hereby )(?:an? |the |in |my |free|acting|operating|unrestricted|bound|required|to )|\byou're now (?:an? |the |in |my )",
    ),
    (
        ROLE,
        2,
        r"\bfrom (?:now|here|this point) on(?:wards?)?,? (?:you|your|the assistant|every (?:reply|answer|message) you)\b",
    ),
    (
        ROLE,
        2,
        r"\b(?:pretend|imagine|suppose) (?:to be|that you|you|we are|you're)\b[^.!?]{0,40}\b(?:ai|assistant|model|admin|administrator|developer|no (?:rules|limits|restrictions|filter)|unrestricted|system|manager|employee|agent)\b",
    ),
    (
        ROLE,
        2,
        r"\b(?:developer|debug|god|admin|maintenance|unrestricted|sudo|root|test) mode (?:is )?(?:now )?(?:on|enabled|active|activated|engaged|unlocked)\b|\b(?:enter|switch to|switch into|enable|activate|go into) (?:developer|debug|god|admin|maintenance|unrestricted|dan) mode\b",
    ),
    (
        ROLE,
        2,
        r"\bjailbreak|\bdo anything now\b|\bno (?:restrictions|filters?|guardrails|limits) (?:apply|any more|anymore|at all)\b|\bwithout (?:any )?(?:restrictions|guardrails|filters|safety)\b",
    ),
    (
        ROLE,
        2,
        r"\b(?:let's play|let us play|play a game|role-?play|in this (?:story|scenario|scene|play)|hypothetical)\b[^.!?]{0,80}\b(?:assistant|ai|bot|agent|model|you (?:are|play|grant|approve|send|say|give))\b",
    ),
    (
        ROLE,
        2,
        r"\b(?:you (?:must|should|will|shall) (?:now )?|now |please )?act as (?:an? |the |my |if you (?:were|are) )(?:\w+ ){0,2}(?:ai|assistant|unrestricted|dan|developer|terminal|system|approver|reviewer|billing agent|account manager)\b",
    ),
    (
        ADDRESS,
        2,
        r"\b(?:dear|hello|hi|hey|attention|attn|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|information for|memo to|notice to|reminder (?:to|for)) (?:the |all |any |our |your )?(?:ai|a\.i\.|llm|gpt|chatgpt|claude|gemini|copilot|bot|chatbot|language models?|ai[ -](?:assistant|agent|model|system|tool)s?|assistant (?:model|that|which|who|reading|processing)|automat(?:ed|ion) (?:assistant|agent|system)|model|drafting (?:model|assistant|engine))\b",
    ),
    (
        ADDRESS,
        2,
        r"\b(?:if|when|since|because|as) (?:you are|you're) (?:an? |the )?(?:ai|llm|language model|assistant|bot|automated|machine|model)\b|\bas an ai\b|\bany (?:ai|llm|bot|language model) (?:that|which|who|reading|processing)\b",
    ),
    (
        ADDRESS,
        2,
        r"\b(?:ai|llm|language model|chatbot|copilot|assistant|bot)s? (?:is|are|must|should|shall|has to|have to)\b[^.!?]{0,12}\b(?:required|instructed|obliged|authori[sz]ed|ordered|permitted|allowed|told|now|always|reply|answer|include|send|approve|close|write|add|state|grant|obey|comply|follow)\b",
    ),
    (
        ADDRESS,
        2,
        r"\b(?:ai|llm|assistant|model|bot)s? (?:reading|processing|handling|summari[sz]ing|drafting|that (?:reads?|process(?:es)?|summari[sz]es?|drafts?)|who (?:reads?|summari[sz]es?))\b",
    ),
    (
        FORGED,
        2,
        r"\b(?:system|admin(?:istrator)?|developer|root|operator) (?:override|notice|directive|instruction|command|prompt|message|update|note|alert)s? ?[:\]\)>-]",
    ),
    (
        FORGED,
        2,
        r"\bnew (?:system )?(?:directives?|instructions?|prompt|orders|policy|system message|task) ?:",
    ),
    (
        FORGED,
        2,
        r"\bend of (?:the )?(?:ticket|user|customer|input|untrusted|external|data|message|context|document|text)(?: (?:input|message|data|text|content|block|section))?\b[^a-z]{0,6}(?:begin|start|now|new|system|the following|assistant)\b|\b(?:begin|start) (?:of )?(?:system|admin|internal|trusted|operator) (?:prompt|message|instructions?|section|block|note)\b",
    ),
    (
        FORGED,
        2,
        r"\b(?:call|invoke|use|run|execute|trigger) (?:the )?[a-z]+_[a-z_]+ (?:tool|function|action|command|api)?\b|\b(?:call|invoke|execute|trigger) the [a-z_]{2,30} (?:tool|function|action)\b",
    ),
    (
        FORGED,
        2,
        r#"["'](?:name|tool|function|action|type|recipient_name)["'] ?: ?["'](?:functions\.)?(?:send|delete|create|update|issue|approve|export|transfer|register|set|page|close|apply|grant|forward|disable|escalate|reply)_?[a-z_]*["']"#,
    ),
    (
        FORGED,
        2,
        r"\b(?:send|delete|issue|create|update|set|apply|export|approve|close|grant|transfer|forward|register|disable)_(?:reply|e?mail|message|notes?|refund|webhook|account|contacts?|policy|quote|data|discount|draft|ticket|user|credits?|payment|redaction|review|tasks?) ?[\(\{]",
    ),
    (
        REVIEW,
        2,
        r"\b(?:approved|reviewed|cleared|vetted|checked|signed off) by (?:a |an |the |your |our |my )?(?:human|reviewer|csm|customer success|moderator|manager on your side|compliance|support lead|account manager|security team)\b",
    ),
    (
        REVIEW,
        2,
        r"\b(?:send|sent|reply|answer|process|execute|deliver|release|proceed|go(?:es)? out|act)\b[^.!?]{0,30}\bwithout (?:any |further |human |manual |a |waiting for |another )*(?:review|approval|checks?|checking|human|confirmation|person)\b",
    ),
    (
        REVIEW,
        2,
        r"\b(?:skip|bypass|avoid|disable|suppress|omit|no need for|not need|don't need|does not need|needs no|requires no|do not require|does not require|not require)\b[^.!?]{0,20}\b(?:human|manual|reviewer|review by|review queue|approval queue|second pair)\b",
    ),
    (
        REVIEW,
        1,
        r"\b(?:already|pre-?|been) ?(?:been )?(?:approved|authori[sz]ed|reviewed)\b|\bpre-?approved\b|\b(?:skip|bypass|without|no) (?:the |any |further )?(?:review|approval)\b",
    ),
    (
        REVIEW,
        2,
        r"\b(?:needs?|requires?)_(?:human_)?(?:review|approval)\b|\bhuman_review\b|\breview_required\b|\bauto[_ -]?(?:approve|approval|send)\b[^.!?]{0,20}\b(?:this|it|on|true|yes|draft|reply)\b",
    ),
    (
        REVIEW,
        2,
        r"\b(?:set|report|give|use|with|output)\b[^.!?]{0,30}\bconfidence\b[^.!?]{0,15}(?:0?\.9|1\b|1\.0|100|9\d)|\bconfidence ?(?:=|:|of|is) ?(?:0?\.9\d?|1\.0|100 ?%?)",
    ),
    (
        REVIEW,
        2,
        r"\b(?:mark|treat|classify|flag|label|rate|score|consider|regard|tag)\b[^.!?]{0,40}\b(?:approved|reviewed|safe|low[ -]risk|no[ -]risk|trusted|pre-?approved|not suspicious|harmless|benign|verified|compliant)\b",
    ),
    (
        REVIEW,
        2,
        r"\b(?:do not|don't|never|without|must not|should not|no need to)\b (?:\w+ )?(?:show|tell|telling|mention|mentioning|reveal|flag|flagging|alert|alerting|report|disclose|inform|informing|notify|notifying|warn)\b[^.!?]{0,30}\b(?:the customer|reviewers?|human|csm|anyone|anybody|your manager|the team|this instruction|these instructions)\b",
    ),
    (
        REVIEW,
        2,
        r"\b(?:reviewer|approver|moderator|human reviewer)s?\b[^.!?]{0,20}\b(?:should|must|need|can|may|will|has|have|does|do)\b[^.!?]{0,20}\b(?:approve|accept|click|not|only see|skip|sign)\b|\b(?:dear|hello|hi|note to) (?:the )?reviewer\b",
    ),
    (
        RECIPIENT,
        2,
        r"\b(?:cc|bcc|copy in|forward|send (?:a )?cop(?:y|ies)|redirect|blind copy)\b[^.!?]{0,60}@[^!?]{0,80}\b(?:every|all|each|any|always|from now on|going forward|future)\b|\b(?:every|all|each|any) (?:future )?(?:message|e-?mail|reply|answer|letter|response)s? (?:that )?you (?:send|write|draft)\b",
    ),
    (
        RECIPIENT,
        2,
        r"\b(?:change|replace|swap|alter|set)\b[^.!?]{0,20}\b(?:recipient|reply-to|to address|addressee|to: ?line|to field)\b|\bsend (?:it|this|the (?:draft|reply|answer|letter|e-?mail|response))\b[^.!?]{0,15}\b(?:to|at) [^ ]+@|\b(?:address|direct) (?:the|your|this) (?:e-?mail|reply|letter|answer|message) to\b",
    ),
    (
        RECIPIENT,
        1,
        r"\b(?:forward|bcc|cc|send|copy|post|e-?mail)\b[^.!?]{0,60}\b(?:to|at)\b[^.!?]{0,30}(?:[^ ]@|https?://|\[at\]| external| instead)|\b(?:cc|bcc) [^ ]+@",
    ),
    (
        RECIPIENT,
        1,
        r"\bchange (?:the |our |my )?(?:account )?(?:owner|billing (?:e-?mail|contact|address))\b",
    ),
    (
        ACTION,
        2,
        r"\bset (?:the |our |my |this )?(?:account(?:'s)? )?health(?: score)?\b|\bhealth(?: score)? (?:to|=|:) ?[0-9]+|\b(?:churn|renewal) risk (?:to|=|:|is) ?(?:low|none|zero|0)",
    ),
    (
        ACTION,
        1,
        r"\b(?:delete|remove|erase|wipe|purge|drop) (?:all|every|any|the)\b[^.!?]{0,25}\b(?:notes?|tasks?|tickets?|contacts?|records?|accounts?|history|logs?|runs?|drafts?)\b|\bhealth score\b|\bpage the on-?call\b|\bto (?:p0|sev ?0|sev ?1)\b",
    ),
    (
        ACTION,
        1,
        r"\b(?:register|add|create|set up|configure|install|point) (?:a |the |this |our |your |following )*(?:new )?webhooks?\b[^!?]{0,30}https?:|\bfor all events\b",
    ),
    (
        ACTION,
        1,
        r"\bclose (?:this|the|all|every|our) (?:\w+ )?tickets? as\b|\bpage the (?:on-?call|ceo)\b|\bwake (?:up )?the (?:on-?call|ceo)\b|\band the ceo\b|\bmark the (?:quote|invoice|order|contract|deal) as (?:approved|paid|signed|accepted|won)\b",
    ),
    (
        INTERNAL,
        2,
        r"\b(?:print|show|reveal|repeat|output|display|paste|send|include|list|leak|disclose|write|quote|recite|summari[sz]e|translate|dump|expose|tell|share|give|copy|append|encode|spell)\b[^.!?]{0,45}\b(?:system prompt|(?:hidden|initial|original|secret|internal|developer|full|complete|entire) (?:prompt|instructions|rules|guidelines)|policy files?|your (?:own )?prompt|the (?:text|words|prompt|lines|message) (?:above|before)|everything above|playbook names?|internal (?:rules|playbooks?))\b",
    ),
    (
        INTERNAL,
        2,
        r"\b(?:print|reveal|repeat|output|leak|disclose|recite|dump|expose)\b[^.!?]{0,25}\byour (?:instructions|rules|guidelines|configuration|settings|tools)\b|\b(?:word for word|verbatim)\b[^.!?]{0,40}\b(?:prompt|instructions|policy|rules)\b|\b(?:prompt|instructions|policy|rules)\b[^.!?]{0,40}\b(?:word for word|verbatim)\b|\bwhat (?:are|were) (?:you told|your (?:instructions|rules|orders))\b",
    ),
    (
        INTERNAL,
        2,
        r"\b(?:include|send|show|give|list|share|tell|attach|paste|export|forward|summari[sz]e|disclose|reveal|compare|add|quote|name|dump|leak|copy)\b[^.!?]{0,70}\b(?:(?:of|from|for|about|to) (?:your |the )?(?:other|another) (?:customers?|accounts?|tenants?|clients?|companies|company)|other (?:customers?|accounts?|tenants?|clients?)'?|another (?:customer|tenant|client)'?s?|of the (?:account|customer|company|client|tenant) [a-z]+|all (?:your|the) (?:customers|accounts|tenants|clients))\b",
    ),
    (
        INTERNAL,
        2,
        r"\b(?:show|send|give|forward|share|email) (?:me|us)\b[^.!?]{0,25}\btheir (?:open |last |latest |current |recent )*(?:tickets?|contacts?|data|contracts?|invoices?|notes|emails?|usage|prices?|users?)\b|\binclude their (?:\w+ )?(?:tickets?|contacts?|invoices?|contract)\b",
    ),
    (
        INTERNAL,
        2,
        r"\b(?:print|reveal|output|leak|disclose|dump|expose|include|list|spell|append|encode|write)\b[^.!?]{0,45}\b(?:all |your |every |the vault'?s? |master |their )+(?:api[ _-]?keys?|secrets?|credentials|access tokens?|environment variables?|env vars?|master keys?|passwords?|account notes|internal notes|internal data|personal data)\b",
    ),
    (
        INTERNAL,
        1,
        r"\binternal notes?\b|\baccount notes\b|\bapi keys?\b[^.!?]{0,20}\b(?:of|from) (?:the|your|other)\b|\bsame group as us\b|\bwe (?:merged with|acquired|bought)\b",
    ),
    (
        RULES,
        2,
        r"\[(?:person|email|phone|credit_card|iban|ip_address|address|date_of_birth|national_id|bank_account|secret|literal|customer_no|contract_no)_[0-9]+(?:_[a-z0-9]+)?\]|\b(?:every|all|each|any) (?:the )?placeholders? (?:you|that you|in your|with|by|into|back)\b|\b(?:value|text|name|data|person|number)s? (?:that is |is )?(?:behind|hidden by|hidden behind)\b[^.!?]{0,30}(?:placeholder|\[)|\b(?:undo|reverse|remove|lift) (?:the )?(?:redaction|masking|placeholders)\b",
    ),
    (
        RULES,
        2,
        r"\b(?:redaction|masking|approval|review|privacy|anonymi[sz]ation|pii|data protection)(?: policy| rules?| filters?| mode| setting| queue)? ?(?:to |: ?|= ?|is |should be )?(?:off|none|disabled|never|false|zero)\b|\b(?:switch|turn) off (?:the |your )?(?:redaction|masking|anonymi[sz]ation|approval|review)\b",
    ),
    (
        RULES,
        2,
        r"\ballow_actions\b|\bauto_?approve ?[:=]|\boverrides? (?:the )?(?:workspace|existing|company|default) polic(?:y|ies)\b|\bapprove ?: ?\{|\breviewer['\x22]? ?: ?['\x22]?self\b|\bpolicy (?:version|file|update)\b[^.!?]{0,40}\b(?:replaces|supersedes|overrides|loaded|effective immediately)\b",
    ),
    (
        MARKUP,
        2,
        r"\bjavascript ?:|data:text/html|\bon(?:error|load|click|mouseover|focus) ?= ?['\x22]?[a-z]*\(?|document\.cookie|<script\b[^>]*>[^<]*(?:fetch|cookie|location|eval|xmlhttp)",
    ),
    (
        MARKUP,
        1,
        r"<!--[^>]*[a-z]{3,} [a-z]{2,} [a-z]{2,}|display ?: ?none|font-size ?: ?[01](?:px|pt|em|%|;|\x22|')|visibility ?: ?hidden|opacity ?: ?0(?:;|\x22|')|color ?: ?(?:white|#fff|#ffffff|transparent)\b|<script\b|<iframe\b|\bhidden=|aria-hidden",
    ),
    (
        LINK,
        2,
        r"!\[[^\]]*\] ?\( ?https?:|<img\b[^>]*https?:[^>]*[?&][a-z_]+=[^>]*[\{<\[$]|https?://[^ ]+[?&](?:q|d|data|c|leak|x|token|text|payload|info|s|m|body)=(?:\{|<|\[|\$|…|%7b|base64|the |your )",
    ),
    (
        LINK,
        2,
        r"\b(?:include|add|insert|put|embed|use|append|attach|place|render|tell|ask|direct|point|invite|send|instruct)\b[^.!?]{0,40}\b(?:customers?|link|image|url|picture|button|reply|answer|them|recipient)\b[^!?]{0,60}(?:\b(?:verify|log ?in|sign ?in|confirm|pay|download)\b[^!?]{0,40})https?:",
    ),
    (
        LINK,
        1,
        r"\b(?:include|add|insert|put|embed|append|render|end)\b[^.!?]{0,30}\b(?:this |the |following |a )?(?:link|image|url|picture|pixel)\b",
    ),
    (
        GRANT,
        2,
        r"\b(?:refund|credit|payment|transfer|wire|pay)\b[^!?]{0,40}\bto (?:the |this |my |our |following )?(?:new )?(?:iban|account|bank account|wallet|bitcoin|btc)\b|\b(?:apply|grant|confirm|promise|offer|state|write|say|give|tell|enter|book)\b[^.!?]{0,50}\b(?:[5-9][0-9]|100) ?(?:%|percent|per cent)",
    ),
    (
        GRANT,
        1,
        r"\b(?:issue|process|grant|approve|apply|promise|confirm|credit|waive|offer)\b[^.!?]{0,40}\b(?:refund|discount|credit|free (?:year|month|upgrade|seats?)|admin (?:rights|access|role)|invoice|fees?|lifetime|[0-9]{2} ?%)",
    ),
    (
        GRANT,
        2,
        r"\b(?:tell|inform|assure|promise|confirm to|write to|reply to|notify)\b (?:the |this |our |all )?(?:customers?|recipient|everyone)\b[^.!?]{0,60}\b(?:refund|discount|free|approved|waive|verify|password|log ?in|credit|cancelled|terminated|breach)",
    ),
    (
        ENCODED,
        2,
        r"\b(?:decode|decrypt|unscramble|rot13|base64|reverse|read backwards|translate)\b[^.!?]{0,50}\b(?:follow|execute|obey|carry out|act on|act accordingly|do what|do as|run it|comply|apply it|and do)\b|\b(?:follow|execute|obey|carry out|act on)\b[^.!?]{0,40}\b(?:decoded|base64|rot13|hex|encoded|reversed|first letters?)\b|\bact on a ?\+ ?b\b|\bconcatenate\b[^.!?]{0,30}\b(?:and|then)\b[^.!?]{0,20}\b(?:follow|obey|act|do)\b",
    ),
    (
        AUTHORITY,
        2,
        r"\bat your own company\b|\b(?:this is|i am|i'm|message from|note from|on behalf of|speaking as|signed)\b[^.!?]{0,50}\b(?:the |your )(?:own )?(?:system administrator|platform (?:team|owner)|model provider|vendor's (?:ceo|security)|developers? of this (?:tool|system|assistant)|ai (?:team|vendor)|prompt engineer)\b|\b(?:anthropic|openai|playgate) (?:staff|team|support|security|engineer|employee)\b",
    ),
    (
        AUTHORITY,
        1,
        r"\bthis is\b[^.!?]{0,40}\b(?:vp|ceo|cfo|cto|head of|director of|chief)\b[^.!?]{0,40}\b(?:customer success|your company|your side|vendor)|\b(?:message|note|order|request) from (?:the|your) (?:security|legal|compliance|finance|executive|it|management) (?:team|department|board)\b|\binternal note\b|\bas part of incident\b|\bi will take responsibility\b|\bby order of\b",
    ),
    (
        ANSWER,
        2,
        r"\b(?:begin|start|end|finish|close|open|sign|prefix|conclude) (?:your|the|every|each|all) (?:reply|replies|answers?|responses?|letters?|e-?mails?|messages?|drafts?|summary)\b[^.!?]{0,15}\bwith\b|\b(?:answer|reply|respond|output|say|write)\b (?:only|nothing but|exactly|just)(?: with| the (?:word|text|following))?\b[^.!?]{0,20}(?:['\x22:]|\b(?:word|the|with|this|json)\b)",
    ),
    (
        ANSWER,
        1,
        r"\b(?:include|add|insert|put|mention|state|write|say|append|quote|repeat)\b[^.!?]{0,80}\bin (?:your|the) (?:answer|reply|response|letter|draft|summary)\b|\b(?:your|the) (?:answer|reply|response|draft|summary) (?:could|should|must|has to|needs to|would|also|will) (?:\w+ )?(?:include|contain|mention|state|say|list|open|start|end|be signed)\b|\b(?:in|with) your (?:answer|reply|response|draft|summary),? (?:please |also |kindly )*(?:include|add|write|list|state|say|mention|show|put)\b|\bbefore you (?:answer|reply|draft|write|continue)\b|\bwhile you are at it\b",
    ),
    (
        ANSWER,
        1,
        r"\b(?:remember|store|save|keep|memori[sz]e|note)\b[^.!?]{0,40}\b(?:for (?:all |every )?(?:future|later|next)|from now on|permanently|in (?:your )?memory|going forward)\b",
    ),
];

const LINES: &[Row] = &[
    (
        FORGED,
        2,
        r"<\|[^<>|\n]{2,40}\|>|<｜[^<>｜\n]{2,40}｜>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|</s>|<s>\s*\[|</?(?:system|assistant|tool_call|tool_result|function_call|function_results|im_start|im_end|system_prompt|instructions?|user_input|untrusted|data)(?: [^>\n]{0,40})?>",
    ),
    (
        FORGED,
        2,
        r"(?m)^[ \t>*_#\[(-]*(?:system|developer)(?: (?:message|prompt|override|notice|instruction)s?)?[ \t*_\])]*:[ \t*]*\S",
    ),
    (
        FORGED,
        2,
        r"(?m)^[ \t>*_-]*(?:assistant|ai|model)[ \t*_]*:[ \t]*\S[^\n]*\n(?:[^\n]*\n){0,4}?[ \t>*_-]*(?:user|human|customer|assistant|system)[ \t*_]*:",
    ),
    (
        FORGED,
        2,
        r"(?m)^[ \t]*#{1,6}[ \t]*(?:system|new instructions?|instructions? (?:to|for)|assistant|response|override)\b",
    ),
    (
        FORGED,
        2,
        r"(?m)^[ \t]*(?:action input|observation|thought|tool_code|function_call|tool call|final answer)[ \t]*:",
    ),
    (FORGED, 1, r#"['"]role['"][ \t]*:[ \t]*['"](?:system|assistant|tool|developer)['"]"#),
    (
        RULES,
        2,
        r"(?m)^[ \t#]*(?:approval|redaction|review|human_review|needs_review)[ \t]*:[ \t]*(?:never|off|none|false|auto|no)\b",
    ),
    (
        RULES,
        2,
        r"(?m)^(?:-{3}\n)?[ \t]*(?:workflow|policy|playbook)[ \t]*:[^\n]*\n(?:[^\n]*\n){0,3}?[ \t]*(?:rules|steps|approval|redaction|verdict|allow|models|trigger|send_email|- (?:id|approve|allow|send))",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_compiles_and_none_is_found_in_nothing() {
        assert_eq!(SIGNS.len(), FLAT.len() + LINES.len());
        assert!(SIGNS.iter().all(|sign| !sign.expression.is_match("")));
    }
}
