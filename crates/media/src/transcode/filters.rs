//! From the coded picture to the picture as seen: square pixels, upright, BT.709, standard range, eight bits.

use crate::{Probe, Transfer};

/// The filter chain that brings the picture of `probe` to `width` x `height` (as seen). Ends in `yuv420p`.
///
/// Scaling comes before turning and before tone mapping: both cost by the pixel.
pub(crate) fn picture_filters(probe: &Probe, width: u32, height: u32) -> String {
    let (w, h) = if probe.orientation.swaps_sides() { (height, width) } else { (width, height) };
    let mut chain: Vec<String> = Vec::new();
    if probe.interlaced {
        chain.push("bwdif=mode=send_frame".into());
    }
    match probe.transfer {
        Transfer::Sdr => {
            let matrix = if probe.assume_bt709 { ":in_color_matrix=bt709" } else { "" };
            chain.push(format!("scale={w}:{h}:flags=bicubic{matrix}:out_color_matrix=bt709:out_range=tv"));
        }
        transfer => {
            let curve = if transfer == Transfer::Hlg { "arib-std-b67" } else { "smpte2084" };
            chain.push(format!("scale={w}:{h}:flags=bicubic"));
            // Linear light with 100 nits as white, BT.2020 to BT.709, Hable's curve for what is brighter than white.
            chain.push(format!("zscale=tin={curve}:min=bt2020nc:pin=bt2020:rin=tv:t=linear:npl=100"));
            chain.push("format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0".into());
            chain.push("zscale=t=bt709:m=bt709:r=tv".into());
        }
    }
    chain.push("format=yuv420p".into());
    if probe.orientation.mirrored {
        chain.push("hflip".into());
    }
    match probe.orientation.clockwise_degrees {
        90 => chain.push("transpose=clock".into()),
        180 => chain.push("hflip,vflip".into()),
        270 => chain.push("transpose=cclock".into()),
        _ => {}
    }
    chain.push("setsar=1,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709:field_mode=prog".into());
    chain.join(",")
}
