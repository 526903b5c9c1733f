//! The words of the demo: captions by kind, and the lines of the text cards.

/// The cards in English, some lines each, short enough for the width of a phone.
pub(super) const ENGLISH: [&[&str]; 8] = [
    &["Small steps", "still cross", "the mountain."],
    &["Read one page.", "Then one more.", "That is all."],
    &["The sea does not", "hurry,", "and arrives."],
    &["Drink water.", "Call your mother.", "Look up."],
    &["Nobody is late", "to their own", "morning."],
    &["Make it work.", "Make it right.", "Make it quiet."],
    &["Every map", "was once", "a walk."],
    &["Learn one word", "of a language", "you will never need."],
];

/// The cards in Chinese.
pub(super) const CHINESE: [&[&str]; 8] = [
    &["慢慢来", "比较快"],
    &["今天的风", "很温柔"],
    &["先吃饭", "再谈理想"],
    &["山不见我", "我自去见山"],
    &["把日子", "过成诗"],
    &["多喝热水", "早点睡觉"],
    &["一期一会", "好好告别"],
    &["万物皆有裂痕", "那是光", "照进来的地方"],
];

/// As many captions as the kind has clips.
pub(super) fn captions(kind: &str) -> &'static [&'static str] {
    match kind {
        "gradient" => &[
            "Sunrise, without getting up #gradient #calm",
            "晚霞的颜色 #gradient #治愈",
            "A sky that forgot which hour it is #gradient #colour",
            "Stare at it for five seconds. Better? #calm #gradient",
            "把天空调成温柔模式 #gradient #calm",
            "Last light over a city I made up #gradient #evening",
        ],
        "text" => &[
            "For whoever is walking uphill today #text #words",
            "My whole reading plan #text #books",
            "Note to self #text #slow",
            "Three things, no excuses #text #morning",
            "Good morning, whenever yours is #text #morning",
            "How I try to build things #text #craft",
            "Get lost a little #text #travel",
            "Mine is the Finnish word for drinking alone at home #text #language",
        ],
        "automata" => &[
            "Four rules and they never stop fighting #automata #life",
            "细胞自动机：简单规则，复杂世界 #automata #数学",
            "It is building itself a maze #automata #maze",
            "Day and Night, the rule that works both ways #automata #math",
            "Explodes from almost nothing #automata #chaos",
            "看它们生老病死 #automata #life",
            "This one copies itself. Wait for it #automata #math",
        ],
        "rhythm" => &[
            "120 bpm and a gradient #rhythm #beats",
            "Breaks at two in the morning #rhythm #music",
            "Clap on the offbeat #rhythm #beats",
            "低音来了，戴上耳机 #rhythm #音乐",
            "Chip tune for the bus #rhythm #music",
            "What a kick drum looks like #rhythm #sound",
            "节奏对了，一切都对了 #rhythm #音乐",
            "Shuffle, but make it sine waves #rhythm #beats",
        ],
        "中文" => &[
            "送给着急的你 #中文 #治愈",
            "出门走走吧 #中文 #日常",
            "人间真理 #中文 #吃饭",
            "心里有山的人 #中文 #旅行",
            "写给自己 #中文 #诗",
            "妈妈的话 #中文 #日常",
            "毕业快乐 #中文 #再见",
            "裂痕 #中文 #诗",
        ],
        "pattern" => &[
            "Dots that cannot sit still #pattern #loop",
            "Silk #pattern #satisfying",
            "Kitchen floor of my dreams #pattern #tiles",
            "看久了会催眠 #pattern #催眠",
            "Herringbone goes for a walk #pattern #tiles",
            "Is it moving or are you? #pattern #illusion",
        ],
        "water" => &[
            "Light on the pool floor #water #calm",
            "湖面的风 #water #治愈",
            "Ten in the morning, under the bridge #water #slow",
            "一滴水 #water #雨",
            "The last wave of the evening #water #sea",
            "两颗石子 #water #禅",
        ],
        "fractal" => &[
            "Seahorse valley, all the way down #fractal #math",
            "掉进大象谷 #fractal #数学",
            "There is a smaller one in every one #fractal #zoom",
            "无限放大 #fractal #数学",
            "Zoom until the computer complains #fractal #zoom",
            "The edge of the set at dusk #fractal #math",
            "One formula. That is the whole trick #fractal #math",
        ],
        "plasma" => &[
            "Lava lamp, but honest about it #plasma #retro",
            "1993 called, it was lovely #plasma #retro",
            "彩色的梦 #plasma #梦",
            "Everything flows #plasma #colour",
            "熔岩灯 #plasma #retro",
        ],
        "kaleidoscope" => &[
            "Grandma's kaleidoscope #kaleidoscope #loop",
            "万花筒 #kaleidoscope #童年",
            "Carpet from another planet #kaleidoscope #symmetry",
            "Four mirrors, one sine wave #kaleidoscope #math",
            "转一转，又是一个世界 #kaleidoscope #童年",
        ],
        _ => &[
            "Rule 30: order in, chaos out #rule30 #automata",
            "Rule 90 folds itself into triangles #automata #triangles",
            "规则110：图灵完备 #automata #数学",
        ],
    }
}
