//! What the demo clips show: filter graphs that draw.
//!
//! Pictures are drawn small and scaled up: drawing costs by the pixel. Grey values become colours through palettes.

use base::Rng;

use super::words;

/// What a graph is drawn on.
pub(super) struct Canvas<'a> {
    pub width: u32,
    pub height: u32,
    pub length_s: f64,
    pub font: Option<&'a str>,
    /// One file a line of text.
    pub text_files: &'a [String],
}

impl Canvas<'_> {
    /// The sides of a drawing whose shorter side has `short` pixels, both even.
    fn small(&self, short: u32) -> (u32, u32) {
        let factor = f64::from(short) / f64::from(self.width.min(self.height));
        let even = |side: u32| ((f64::from(side) * factor / 2.0).round() as u32 * 2).max(2);
        (even(self.width), even(self.height))
    }

    /// To full size, in the colours of video: scaling three full planes of red, green and blue costs twice as much.
    fn up(&self, flags: &str) -> String {
        format!("format=yuv444p,scale={}:{}:flags={flags},format=yuv420p", self.width, self.height)
    }
}

/// What is drawn, with everything that chance decided.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Picture {
    Fractal { x: f64, y: f64, from: f64, to: f64, palette: usize },
    Life { rule: &'static str, ratio: f64, mold: u32, colours: [&'static str; 3], seed: u32 },
    Automaton { rule: u32, palette: usize, seed: u32 },
    Gradient { style: &'static str, colours: [&'static str; 4], speed: f64, seed: u32 },
    Plasma { formula: &'static str, palette: usize },
    Pattern { tile: &'static str, palette: usize, across: f64, down: f64 },
    Kaleidoscope { formula: &'static str, palette: usize },
    Water { formula: &'static str, palette: usize },
    Heard { style: &'static str, colours: [&'static str; 4], seed: u32 },
    Card { card: usize, chinese: bool, colours: [&'static str; 4], seed: u32 },
}

/// One kind of clip.
pub(super) struct Kind {
    pub name: &'static str,
    pub creator: usize,
    pub count: usize,
    pub sounds: &'static [usize],
    pub picture: fn(usize, &mut Rng) -> Picture,
}

/// All kinds, the quick ones first.
pub(super) fn kinds() -> Vec<Kind> {
    let kind = |name, creator, count, sounds, picture| Kind { name, creator, count, sounds, picture };
    vec![
        kind("gradient", 2, 6, &[6, 4, 12], gradient),
        kind("text", 3, 8, &[9, 0, 6], english),
        kind("automata", 1, 7, &[5, 9, 2], life),
        kind("rhythm", 5, 8, &[1, 13, 7, 10, 5], heard),
        kind("中文", 4, 8, &[11, 3, 6], chinese),
        kind("pattern", 7, 6, &[7, 1, 13], pattern),
        kind("water", 6, 6, &[4, 3, 11], water),
        kind("fractal", 0, 7, &[12, 8, 0], fractal),
        kind("plasma", 2, 5, &[0, 10, 6], plasma),
        kind("kaleidoscope", 7, 5, &[2, 8, 12], kaleidoscope),
        kind("rule", 1, 3, &[5, 13], automaton),
    ]
}

/// From dark to light.
const PALETTES: [[&str; 5]; 10] = [
    ["03071e", "370617", "d00000", "faa307", "fff3b0"], // embers
    ["0b132b", "1c2541", "3a506b", "5bc0be", "f0fff1"], // teal night
    ["10002b", "3c096c", "9d4edd", "ff9ebb", "fff0f3"], // violet to rose
    ["001219", "005f73", "0a9396", "e9d8a6", "ee9b00"], // lagoon
    ["081c15", "1b4332", "40916c", "95d5b2", "f1faee"], // forest
    ["14213d", "2b59c3", "48cae4", "caf0f8", "ffffff"], // ice
    ["231942", "5e548e", "be95c4", "ffd6a5", "fdffb6"], // dusk
    ["1a1423", "b75d69", "eacdc2", "ffb4a2", "ffffff"], // clay
    ["000000", "14746f", "56ab91", "f6f7eb", "f72585"], // neon leaf
    ["22007c", "0d00a4", "f15bb5", "fee440", "ffffff"], // arcade
];

const SKIES: [[&str; 4]; 8] = [
    ["ff6b6b", "feca57", "48dbfb", "5f27cd"],
    ["0f2027", "2c5364", "ff9a9e", "fad0c4"],
    ["12c2e9", "c471ed", "f64f59", "ffd166"],
    ["134e5e", "71b280", "f9d423", "ff4e50"],
    ["200122", "6f0000", "ff512f", "f09819"],
    ["1a2a6c", "b21f1f", "fdbb2d", "22c1c3"],
    ["355c7d", "6c5b7b", "c06c84", "f8b195"],
    ["0b486b", "3b8d99", "aa4b6b", "f0c27b"],
];

/// For text: calm, dark enough for white letters.
const PAPERS: [[&str; 4]; 8] = [
    ["1d2b64", "f8cdda", "3a1c71", "d76d77"],
    ["0f0c29", "302b63", "24243e", "8e2de2"],
    ["134e5e", "1f6f5c", "0b3d2e", "71b280"],
    ["42275a", "734b6d", "141e30", "243b55"],
    ["7b2d26", "c8553d", "38160d", "e07a5f"],
    ["0b486b", "155e75", "0c2a3e", "3b8d99"],
    ["3c1053", "ad5389", "240b36", "c31432"],
    ["232526", "414345", "1f1c2c", "928dab"],
];

fn gradient(i: usize, rng: &mut Rng) -> Picture {
    let style = ["spiral", "radial", "circular", "linear"][i % 4];
    Picture::Gradient {
        style,
        colours: SKIES[i % SKIES.len()],
        speed: 0.02 + 0.03 * f64::from(rng.unit()),
        seed: small_seed(rng),
    }
}

fn english(i: usize, rng: &mut Rng) -> Picture {
    Picture::Card { card: i, chinese: false, colours: PAPERS[i % PAPERS.len()], seed: small_seed(rng) }
}

fn chinese(i: usize, rng: &mut Rng) -> Picture {
    Picture::Card { card: i, chinese: true, colours: PAPERS[(i + 4) % PAPERS.len()], seed: small_seed(rng) }
}

fn life(i: usize, rng: &mut Rng) -> Picture {
    // Birth and survival rules with a name: Conway, HighLife, Maze, Day and Night, Seeds, 34 Life, Replicator.
    let (rule, ratio, mold, colours) = [
        ("S23/B3", 0.16, 14, ["fff3b0", "10002b", "9d4edd"]),
        ("S23/B36", 0.22, 30, ["ffffff", "03045e", "00b4d8"]),
        ("S12345/B3", 0.08, 0, ["ffd166", "073b4c", "118ab2"]),
        ("S34678/B3678", 0.5, 40, ["f94144", "1d3557", "457b9d"]),
        ("S/B2", 0.02, 24, ["caffbf", "081c15", "2d6a4f"]),
        ("S23/B3", 0.35, 60, ["ff9e00", "240046", "ff0054"]),
        ("S1357/B1357", 0.01, 18, ["fdfcdc", "14213d", "fca311"]),
    ][i % 7];
    Picture::Life { rule, ratio, mold, colours, seed: small_seed(rng) }
}

fn automaton(i: usize, rng: &mut Rng) -> Picture {
    Picture::Automaton { rule: [30, 90, 110][i % 3], palette: [3, 8, 6][i % 3], seed: small_seed(rng) }
}

fn heard(i: usize, rng: &mut Rng) -> Picture {
    let style = ["waves", "bars", "constant_q", "spectrum"][i % 4];
    Picture::Heard { style, colours: SKIES[(i * 3 + 1) % SKIES.len()], seed: small_seed(rng) }
}

fn fractal(i: usize, rng: &mut Rng) -> Picture {
    // Well-known places on the edge of the Mandelbrot set.
    let (x, y, from, to) = [
        (-0.743_643_887, -0.131_825_904, 0.02, 0.000_2),
        (0.292_575_5, 0.014_997_7, 0.05, 0.001),
        (-1.769_2, 0.003_18, 0.12, 0.002),
        (-0.088_0, 0.654_0, 0.25, 0.004),
        (-0.761_574, -0.084_759_6, 0.03, 0.000_4),
        (0.360_240_4, -0.641_313, 0.05, 0.000_6),
        (-1.250_66, 0.020_12, 0.03, 0.000_5),
    ][i % 7];
    Picture::Fractal { x, y, from, to, palette: (i * 3 + rng.below(2)) % PALETTES.len() }
}

fn plasma(i: usize, rng: &mut Rng) -> Picture {
    let formula = [
        "128+42*sin(U*8+T*2)+42*sin(V*11-T*1.6)+42*sin((U+V)*6+T)",
        "128+64*sin(hypot(U-0.5-0.3*sin(T),V-0.9-0.4*cos(T*0.7))*14-T*3)+60*sin(U*5+T)",
        "128+60*sin(U*9+2*sin(V*4+T))+60*cos(V*7-2*cos(U*5-T*1.3))",
        "128+120*sin(4*sin(U*4+T*0.8)+4*cos(V*3-T*0.6)+T)",
        "128+70*sin(20*hypot(U-0.5,V-0.9)-T*4)*cos(U*6+T)+50*sin(V*9)",
    ][i % 5];
    Picture::Plasma { formula, palette: (i * 2 + 2 + rng.below(2)) % PALETTES.len() }
}

fn pattern(i: usize, rng: &mut Rng) -> Picture {
    let tile = [
        "230*lt(hypot(mod(X,40)-20,mod(Y,40)-20),8+8*sin(2*PI*X/W))+20",
        "128+110*sin(2*PI*6*X/W+4*sin(2*PI*4*Y/H))",
        "50+120*mod(floor(X/40)+floor(Y/40),2)+60*sin(2*PI*X/W)*sin(2*PI*Y/H)",
        "255*abs(sin(hypot(mod(X,120)-60,mod(Y,H/5)-H/10)/8))",
        "40+200*lt(mod(X+abs(mod(Y,H/8)-H/16)*1.2,40),18)",
        "30+210*gt(sin(2*PI*4*X/W)*sin(2*PI*7*Y/H)+0.6*sin(2*PI*(3*X/W+4*Y/H)),0.1)",
    ][i % 6];
    let speed = |rng: &mut Rng| (f64::from(rng.unit()) - 0.5) * 0.012;
    Picture::Pattern {
        tile,
        palette: (i + 1 + rng.below(3)) % PALETTES.len(),
        across: speed(rng),
        down: 0.004 + speed(rng) / 4.0,
    }
}

fn kaleidoscope(i: usize, rng: &mut Rng) -> Picture {
    let formula = [
        "128+60*sin(U*14+3*sin(T))+60*cos(V*13-T*2+2*sin(U*9))",
        "128+120*sin(30*hypot(U-1,V-1.7)-T*3)*cos(8*atan2(V-1.7,U-1)+T)",
        "128+60*sin((U*U+V*V)*16-T*3)+60*sin(U*20*cos(T*0.4)+V*20*sin(T*0.4))",
        "128+120*sin(6*sin(U*6+T)+5*sin(V*7-T*0.7))",
        "255*abs(sin(U*10+T)*sin(V*12-T*0.8)+sin((U-V)*9))/2",
    ][i % 5];
    Picture::Kaleidoscope { formula, palette: (i * 2 + rng.below(3)) % PALETTES.len() }
}

fn water(i: usize, rng: &mut Rng) -> Picture {
    let formula = [
        "150-110*abs(sin(U*9+2*sin(V*7+T)+T*0.7)+sin(V*11-2*sin(U*6-T*0.8)))/2+40*sin(V*3+T)",
        "90+55*sin(V*26+2.2*sin(U*5+T)+T*2)+45*sin(V*43-1.5*sin(U*9-T)-T)+40*V",
        "255*pow(abs(sin(U*6+3*sin(V*5+T*0.6))*cos(V*7+3*sin(U*4-T*0.5))),0.6)",
        "120+100*sin(40*hypot(U-0.5,V-0.6)-T*6)*exp(-2*hypot(U-0.5,V-0.6))+30*sin(V*8+T)",
        "60+150*exp(-6*abs(V-0.9-0.12*sin(U*7+T*1.4)-0.06*sin(U*17-T*2)))+30*sin(V*20+T)",
        "110+50*sin(30*hypot(U-0.2,V-0.3)-T*5)+50*sin(30*hypot(U-0.8,V-1.3)-T*5)+30*V",
    ][i % 6];
    Picture::Water { formula, palette: [5, 1, 3, 5, 6, 1][(i + rng.below(1)) % 6] }
}

fn small_seed(rng: &mut Rng) -> u32 {
    rng.below(1 << 20) as u32 + 1
}

impl Picture {
    /// The lines of text it shows.
    pub fn lines(&self) -> &'static [&'static str] {
        match self {
            Self::Card { card, chinese: true, .. } => words::CHINESE[card % words::CHINESE.len()],
            Self::Card { card, chinese: false, .. } => words::ENGLISH[card % words::ENGLISH.len()],
            _ => &[],
        }
    }

    pub fn is_chinese(&self) -> bool {
        matches!(self, Self::Card { chinese: true, .. })
    }

    /// Whether its graph begins with the sound.
    pub fn hears(&self) -> bool {
        matches!(self, Self::Heard { .. })
    }

    /// The graph, up to the picture in the size of the canvas.
    pub fn graph(&self, on: &Canvas) -> String {
        match self {
            Self::Fractal { x, y, from, to, palette } => {
                let (w, h) = on.small(240);
                // The zoom's speed is set by where it would end: at this length it is just there.
                let end = on.length_s * 24.0;
                format!(
                    "mandelbrot=s={w}x{h}:r=24:start_x={x}:start_y={y}:start_scale={from}:end_scale={to}:end_pts={end:.0}:maxiter=260:\
                     inner=black:outer=normalized_iteration_count,format=gray,{},{}",
                    tint(*palette),
                    on.up("bilinear")
                )
            }
            Self::Life { rule, ratio, mold, colours: [alive, dead, dying], seed } => {
                let (w, h) = on.small(if *mold > 20 { 72 } else { 90 });
                format!(
                    "life=s={w}x{h}:r=12:rule={rule}:ratio={ratio}:seed={seed}:mold={mold}:life_color=0x{alive}:death_color=0x{dead}:\
                     mold_color=0x{dying},{}",
                    on.up("neighbor")
                )
            }
            Self::Automaton { rule, palette, seed } => {
                let (w, h) = on.small(120);
                format!(
                    "cellauto=s={w}x{h}:rule={rule}:r=24:full=1:random_seed={seed},format=gray,gblur=sigma=0.6,{},{}",
                    tint(*palette),
                    on.up("neighbor")
                )
            }
            Self::Gradient { style, colours, speed, seed } => {
                format!("{},{}", gradients(on, style, colours, *speed, *seed), on.up("bilinear"))
            }
            Self::Plasma { formula, palette } => {
                format!("{},{},{}", drawn(on.small(56), formula), tint(*palette), on.up("bilinear"))
            }
            Self::Water { formula, palette } => {
                format!("{},{},{}", drawn(on.small(64), formula), tint(*palette), on.up("bilinear"))
            }
            Self::Pattern { tile, palette, across, down } => {
                let (w, h) = on.small(360);
                // Drawn once and as a whole number of tiles, then moved; a slow turn of the hues keeps it alive.
                format!(
                    "nullsrc=s={w}x{h}:r=24:d=0.04,format=gray,geq=lum='{tile}',{},loop=loop=-1:size=1,scroll=h={across:.4}:v={down:.4},\
                     hue=h='12*sin(t)',{}",
                    tint(*palette),
                    on.up("bilinear")
                )
            }
            Self::Kaleidoscope { formula, palette } => {
                let (w, h) = on.small(120);
                format!(
                    "{},{},split=2[k1][k2];[k2]hflip[k3];[k1][k3]hstack,split=2[k4][k5];[k5]vflip[k6];[k4][k6]vstack,{}",
                    drawn((w / 4 * 2, h / 4 * 2), formula),
                    tint(*palette),
                    on.up("bilinear")
                )
            }
            Self::Heard { style, colours, seed } => heard_graph(on, style, colours, *seed),
            Self::Card { chinese, colours, seed, .. } => card_graph(on, *chinese, colours, *seed),
        }
    }
}

/// A formula over U, V (the place, 0 to 1 along the shorter side) and T (seconds) as a grey picture.
fn drawn((w, h): (u32, u32), formula: &str) -> String {
    let unit = w.min(h);
    // Letters of function names are lower case: U and V stand alone.
    let formula = formula.replace('U', &format!("(X/{unit})")).replace('V', &format!("(Y/{unit})"));
    format!("nullsrc=s={w}x{h}:r=24,format=gray,geq=lum='clip({formula},0,255)'")
}

/// Grey becomes colour: one curve a channel through the five colours of a palette.
fn tint(palette: usize) -> String {
    let colours = &PALETTES[palette % PALETTES.len()];
    let curve = |from: usize| {
        let points: Vec<String> = colours
            .iter()
            .enumerate()
            .map(|(i, hex)| {
                let value = hex.get(from..from + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
                format!("{:.2}/{:.3}", i as f64 / 4.0, f64::from(value) / 255.0)
            })
            .collect();
        points.join(" ")
    };
    format!("format=gbrp,curves=r='{}':g='{}':b='{}'", curve(0), curve(2), curve(4))
}

fn gradients(on: &Canvas, style: &str, [a, b, c, d]: &[&str; 4], speed: f64, seed: u32) -> String {
    let (w, h) = on.small(180);
    format!("gradients=s={w}x{h}:r=24:n=4:c0=0x{a}:c1=0x{b}:c2=0x{c}:c3=0x{d}:type={style}:speed={speed:.4}:seed={seed}")
}

/// What is heard, made visible on a slow gradient.
fn heard_graph(on: &Canvas, style: &str, colours: &[&str; 4], seed: u32) -> String {
    let (w, h) = on.small(360);
    let drawing = match style {
        "waves" => format!("showwaves=s={w}x{h}:mode=cline:rate=24:colors=white|white:scale=sqrt:draw=full,format=gbrp"),
        "bars" => {
            format!("showfreqs=s={w}x{h}:rate=24:mode=bar:ascale=cbrt:fscale=log:win_size=1024:colors=white|white,format=gbrp")
        }
        "constant_q" => format!(
            "showcqt=s={w}x{h}:rate=24:axis=0:bar_g=3:sono_g=4:bar_h={}:sono_h={},format=gbrp",
            h / 4 * 2,
            h - h / 4 * 2
        ),
        _ => format!(
            "showspectrum=s={w}x{h}:slide=scroll:mode=combined:color=magma:scale=cbrt:fscale=log:fps=24,format=gbrp,scale={w}:{h}"
        ),
    };
    let background = gradients(on, "linear", colours, 0.02, seed);
    format!(
        "{drawing}[drawn];{background},scale={w}:{h}:flags=bicubic,format=gbrp,colorlevels=romax=0.62:gomax=0.62:bomax=0.62[ground];\
         [ground][drawn]blend=all_mode=screen:shortest=1,{}",
        on.up("bilinear")
    )
}

/// Lines that come one after the other on calm paper.
fn card_graph(on: &Canvas, chinese: bool, colours: &[&str; 4], seed: u32) -> String {
    let paper = format!(
        "{},colorlevels=romax=0.72:gomax=0.72:bomax=0.72,{}",
        gradients(on, "linear", colours, 0.012, seed),
        on.up("bilinear")
    );
    let Some(font) = on.font else { return paper };
    let unit = f64::from(on.width.min(on.height));
    let size = unit * if chinese { 0.135 } else { 0.098 };
    let step = size * 1.55;
    let lines = on.text_files.len() as f64;
    let top = (f64::from(on.height) - lines * step) / 2.0;
    // All lines are there by the middle of the clip.
    let pause_s = (on.length_s * 0.5 / lines.max(1.0)).min(1.1);
    let mut graph = paper;
    for (i, file) in on.text_files.iter().enumerate() {
        let begin_s = 0.15 + i as f64 * pause_s;
        graph.push_str(&format!(
            ",drawtext=fontfile={font}:textfile={file}:expansion=none:fontsize={size:.0}:fontcolor=white:shadowcolor=black@0.35:\
             shadowx=2:shadowy=3:x=(w-text_w)/2:y={:.0}+18*exp(-5*max(t-{begin_s:.2}\\,0)):alpha='clip((t-{begin_s:.2})/0.35,0,1)'",
            top + i as f64 * step
        ));
    }
    graph
}
