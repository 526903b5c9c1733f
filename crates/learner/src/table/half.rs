//! Numbers of 16 bits (IEEE 754 binary16), made and read by integer arithmetic, so that every machine gets the same bits.

/// The exact value of a half; only finite ones are ever made.
#[inline(always)]
pub(super) fn widen(half: u16) -> f32 {
    // The bits at their place in a float are 2^112 too small; the product is exact, subnormal halves included.
    let magnitude = f32::from_bits(u32::from(half & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
    f32::from_bits(magnitude.to_bits() | (u32::from(half & 0x8000) << 16))
}

/// Rounds to the nearest half towards zero or away from it. `chance`, 0 to 8191, in 8192ths of the gap between two halves, is added before
/// the rest is cut off: evenly drawn, the mean result is `x`; [`NEAREST`] gives the nearest. `x` must be finite and within 65504.
#[inline(always)]
pub(super) fn narrow(x: f32, chance: u16) -> u16 {
    let (bits, chance) = (x.to_bits() & 0x7fff_ffff, u32::from(chance));
    let normal = ((bits.wrapping_add(chance) >> 13).wrapping_sub(112 << 10)).min(0x7bff);
    // Below 2^-14 halves are multiples of 2^-24.
    let small = (f32::from_bits(bits) * 16_777_216.0 + chance as f32 * (1.0 / 8192.0)) as u32;
    let magnitude = if bits < 0x3880_0000 { small } else { normal };
    (magnitude as u16) | ((x.to_bits() >> 16) as u16 & 0x8000)
}

pub(super) const NEAREST: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_way_there_and_back() {
        for half in (0..=u16::MAX).filter(|half| half & 0x7c00 != 0x7c00) {
            let wide = widen(half);
            for chance in [0, NEAREST, 8191] {
                assert_eq!(narrow(wide, chance), half, "{half:#x} {wide}");
            }
        }
        let known = [
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (6.103_515_6e-5, 0x0400),
            (5.960_464_5e-8, 0x0001),
            (0.1, 0x2e66),
        ];
        for (x, half) in known {
            assert_eq!(narrow(x, NEAREST), half, "{x}");
        }
    }

    #[test]
    fn evenly_drawn_rounding_keeps_the_mean() {
        for x in [0.1f32, -0.033_333, 3.000_1, 1e-5, 2.3e-7, 7.999] {
            let mean = (0..8192u16).map(|chance| f64::from(widen(narrow(x, chance)))).sum::<f64>() / 8192.0;
            let gap = f64::from((widen(narrow(x, 8191)) - widen(narrow(x, 0))).abs());
            assert!((mean - f64::from(x)).abs() <= gap / 2048.0 && gap > 0.0, "{x}: {mean}, gap {gap}");
        }
    }
}
