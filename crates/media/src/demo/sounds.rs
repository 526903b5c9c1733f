//! The sounds of the demo: beats, bells and weather, each a formula over time.

/// How many there are.
pub const SOUND_COUNT: usize = 14;

struct Sound {
    title: &'static str,
    /// A source; `{d}` is its length in seconds.
    source: &'static str,
}

/// `aevalsrc` reads `t` in seconds. A kick is a falling sine, a hat is a spark of noise, notes are 2^(n/12).
const SOUNDS: [Sound; SOUND_COUNT] = [
    Sound {
        title: "Slow Pulse",
        source: "aevalsrc='0.5*sin(2*PI*55*t)*exp(-3*mod(t,1))+0.15*sin(2*PI*220*t+2*sin(2*PI*0.25*t))*(0.6+0.4*sin(2*PI*0.5*t))|\
                 0.5*sin(2*PI*55*t)*exp(-3*mod(t,1))+0.15*sin(2*PI*221*t+2*sin(2*PI*0.25*t))*(0.6-0.4*sin(2*PI*0.5*t))':s=44100:d={d}",
    },
    Sound {
        title: "Four on the Floor",
        source: "aevalsrc='0.7*sin(2*PI*(48*mod(t,0.5)+14*(1-exp(-30*mod(t,0.5)))))*exp(-6*mod(t,0.5))\
                 +0.16*(2*random(0)-1)*exp(-40*mod(t+0.25,0.5))+0.12*sin(2*PI*110*pow(2,3*mod(floor(t*2),4)/12)*t)':s=44100:d={d},\
                 aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Glass Bells",
        source: "aevalsrc='0.35*sin(2*PI*523.25*pow(2,(mod(floor(t*3)*5,12))/12)*t)*exp(-5*mod(t,1/3))\
                 +0.2*sin(2*PI*1046.5*pow(2,(mod(floor(t*3)*7,12))/12)*t)*exp(-8*mod(t,1/3))':s=44100:d={d},\
                 aecho=0.8:0.6:180|340:0.4|0.25,aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Night Rain",
        source: "anoisesrc=c=pink:a=0.35:r=44100:d={d}:seed=11,highpass=f=700,tremolo=f=0.3:d=0.4,aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Ocean Breath",
        source: "anoisesrc=c=brown:a=0.8:r=44100:d={d}:seed=5,lowpass=f=900,tremolo=f=0.16:d=0.85,aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Arcade Steps",
        source: "aevalsrc='0.16*sgn(sin(2*PI*220*pow(2,(mod(floor(t*8)*4,12)+3*mod(floor(t/2),2))/12)*t))*exp(-3*mod(t,0.125))\
                 +0.2*sgn(sin(2*PI*55*pow(2,mod(floor(t*2)*5,7)/12)*t))*exp(-2*mod(t,0.5))':s=44100:d={d},lowpass=f=5000,\
                 aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Warm Drone",
        source: "aevalsrc='0.12*(sin(2*PI*110*t)+sin(2*PI*110.7*t)+sin(2*PI*164.8*t)+sin(2*PI*165.5*t)+0.5*sin(2*PI*220.4*t))\
                 *(0.8+0.2*sin(2*PI*0.2*t))|0.12*(sin(2*PI*109.6*t)+sin(2*PI*110.3*t)+sin(2*PI*164.2*t)+sin(2*PI*165*t)+0.5*sin(2*PI*219.7*t))\
                 *(0.8+0.2*cos(2*PI*0.2*t))':s=44100:d={d}",
    },
    Sound {
        title: "Hand Clap Shuffle",
        source: "aevalsrc='0.6*sin(2*PI*52*t)*exp(-9*mod(t,0.75))+0.35*(2*random(0)-1)*exp(-25*mod(t+0.375,0.75))\
                 +0.12*(2*random(1)-1)*exp(-60*mod(t,0.1875))+0.1*sin(2*PI*392*t)*exp(-6*mod(t,1.5))':s=44100:d={d},\
                 aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Theremin",
        source: "aevalsrc='0.3*sin(2*PI*440*t+60*sin(2*PI*0.15*t)+1.2*sin(2*PI*5.5*t))':s=44100:d={d},\
                 aecho=0.8:0.5:260:0.35,aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Typewriter",
        source: "aevalsrc='0.5*(2*random(0)-1)*exp(-90*mod(t,0.17))*gt(sin(t*7.3)+sin(t*3.1),-0.6)\
                 +0.2*sin(2*PI*1800*t)*exp(-30*mod(t,2.04))':s=44100:d={d},aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Deep Step",
        source: "aevalsrc='0.55*sin(2*PI*41.2*t+3*sin(2*PI*(2+2*floor(mod(t,4)))*t))*(0.6+0.4*sin(2*PI*2*t))\
                 +0.18*(2*random(0)-1)*exp(-30*mod(t+0.5,1))':s=44100:d={d},aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Guzheng Morning",
        source: "aevalsrc='0.4*sin(2*PI*293.66*pow(2,(2*mod(floor(t*4)*3,5)+gt(mod(floor(t*4)*3,5),2))/12)*t)*exp(-7*mod(t,0.25))\
                 +0.15*sin(2*PI*587.3*pow(2,(2*mod(floor(t*4)*3,5)+gt(mod(floor(t*4)*3,5),2))/12)*t)*exp(-11*mod(t,0.25))\
                 +0.2*sin(2*PI*146.83*t)*exp(-2*mod(t,2))':s=44100:d={d},aecho=0.8:0.5:120|240:0.3|0.2,aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Rising Choir",
        source: "aevalsrc='0.1*(sin(2*PI*196*t)+sin(2*PI*246.9*t)+sin(2*PI*293.7*t)+0.6*sin(2*PI*392*t+sin(2*PI*4.8*t)))\
                 *(0.5+0.5*sin(2*PI*0.25*t-PI/2))+0.06*sin(2*PI*784*t)*(0.5+0.5*sin(2*PI*0.5*t))':s=44100:d={d},\
                 aecho=0.8:0.6:300|500:0.3|0.2,aformat=channel_layouts=stereo",
    },
    Sound {
        title: "Fast Breaks",
        source: "aevalsrc='0.6*sin(2*PI*50*t)*exp(-12*mod(t,0.3529))+0.3*(2*random(0)-1)*exp(-18*mod(t+0.1765,0.7059))\
                 +0.12*(2*random(1)-1)*exp(-70*mod(t,0.0882))+0.16*sin(2*PI*65.4*pow(2,mod(floor(t*2.833)*3,10)/12)*t)':s=44100:d={d},\
                 aformat=channel_layouts=stereo",
    },
];

pub(super) fn title(index: usize) -> &'static str {
    SOUNDS[index % SOUND_COUNT].title
}

/// The filter chain of a sound, soft at both ends.
pub(super) fn graph(index: usize, length_s: f64) -> String {
    // A little longer than the picture, so that the mixer never runs dry before it.
    let source = SOUNDS[index % SOUND_COUNT].source.replace("{d}", &format!("{:.2}", length_s + 0.3));
    format!("{source},afade=t=in:d=0.05,afade=t=out:st={:.2}:d=0.35", (length_s - 0.35).max(0.0))
}
