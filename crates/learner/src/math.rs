//! Arithmetic that gives the same bits on every machine: fixed order of additions, no fused multiply-add, no libm.
//!
//! Loops run over sixteen lanes at a time so that the compiler turns them into vector instructions; [`multiversion!`] compiles
//! a function for plain x86-64, AVX2 and AVX-512 and the machine's best is chosen when the program runs. Since Rust neither
//! reorders nor contracts floating point, the three give equal bits (a test compares them).

/// Width of an embedding and of a vector register's worth of work.
pub const D: usize = 16;
/// Sixteen lanes.
pub type Vector = [f32; D];
pub const ZERO: Vector = [0.0; D];

/// A bijective mixer of 64 bits (the finisher of splitmix64, Steele, Lea, Flood 2014).
pub fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The sum of the lanes, as a tree.
#[inline(always)]
pub fn sum(v: &Vector) -> f32 {
    let mut a = [0.0f32; 8];
    for i in 0..8 {
        a[i] = v[i] + v[i + 8];
    }
    let b = [a[0] + a[4], a[1] + a[5], a[2] + a[6], a[3] + a[7]];
    (b[0] + b[2]) + (b[1] + b[3])
}

#[inline(always)]
pub fn dot(a: &Vector, b: &Vector) -> f32 {
    let mut p = ZERO;
    for i in 0..D {
        p[i] = a[i] * b[i];
    }
    sum(&p)
}

/// `to += scale * v`.
#[inline(always)]
pub fn add_scaled(to: &mut Vector, scale: f32, v: &Vector) {
    for i in 0..D {
        to[i] += scale * v[i];
    }
}

#[inline(always)]
pub fn scaled(scale: f32, v: &Vector) -> Vector {
    let mut out = *v;
    for x in &mut out {
        *x *= scale;
    }
    out
}

/// e^x, relative error under 3e-7 for -87 <= x <= 88 and held to those ends (range reduction and polynomial after Cephes `expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // `max` and `min` in this order also turn a NaN into a number.
    let x = x.max(-87.0).min(88.0);
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer without a libm call.
    const ROUND: f32 = 12_582_912.0;
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let y = p * (r * r) + r + 1.0;
    y * f32::from_bits((((n as i32) + 127) << 23) as u32)
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The logit of a probability in (0, 1): used for constants, hence in doubles and with the platform's logarithm rounded off.
pub fn logit(p: f32) -> f32 {
    let p = f64::from(p);
    // Rounded to 2^-16 so that a last-bit difference between platforms' logarithms cannot reach the model.
    (((p / (1.0 - p)).ln() * 65_536.0).round() / 65_536.0) as f32
}

/// log2(x) for x >= 1, piecewise linear between powers of two: monotone, exact at them, the same everywhere.
pub fn log2_linear(x: f32) -> f32 {
    let bits = x.max(1.0).to_bits();
    ((bits >> 23) as f32 - 127.0) + (bits & 0x7f_ffff) as f32 / 8_388_608.0
}

/// How wide this machine's vectors are; made only by [`Level::detect`], which is what makes the calls below sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Width);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = std::arch::is_x86_feature_detected!("avx2");
            let avx512 = std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512vl")
                && std::arch::is_x86_feature_detected!("avx512dq")
                && std::arch::is_x86_feature_detected!("avx512bw");
            if avx2 && avx512 {
                return Self(Width::Avx512);
            }
            if avx2 {
                return Self(Width::Avx2);
            }
        }
        Self(Width::Portable)
    }

    /// The plain instructions, which every machine has.
    pub const fn portable() -> Self {
        Self(Width::Portable)
    }

    pub(crate) const fn width(self) -> Width {
        self.0
    }

    pub fn name(self) -> &'static str {
        match self.0 {
            Width::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => "avx512",
        }
    }

    /// Every level that this machine can run, narrowest first.
    pub fn available() -> Vec<Self> {
        let best = Self::detect();
        let mut levels = vec![Self::portable()];
        #[cfg(target_arch = "x86_64")]
        {
            if best != Self::portable() {
                levels.push(Self(Width::Avx2));
            }
            if best == Self(Width::Avx512) {
                levels.push(best);
            }
        }
        levels
    }
}

/// Defines a function three times, once per vector width, from one body; its first argument is the [`Level`].
///
/// The body and everything it calls on its hot path are `#[inline(always)]`, so that each copy is compiled with its own width.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident$(<const $c:ident: usize>)?($level:ident $(, $arg:ident : $ty:ty)* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name$(<const $c: usize>)?($level: $crate::math::Level $(, $arg: $ty)*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body$(<const $c: usize>)?($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            #[allow(clippy::too_many_arguments)]
            fn avx2$(<const $c: usize>)?($($arg: $ty),*) $(-> $ret)? { body$(::<$c>)?($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f,avx512vl,avx512dq,avx512bw")]
            #[allow(clippy::too_many_arguments)]
            fn avx512$(<const $c: usize>)?($($arg: $ty),*) $(-> $ret)? { body$(::<$c>)?($($arg),*) }
            match $level.width() {
                $crate::math::Width::Portable => body$(::<$c>)?($($arg),*),
                // SAFETY: a `Level` above portable exists only when `Level::detect` found the features on this machine.
                #[cfg(target_arch = "x86_64")]
                $crate::math::Width::Avx2 => unsafe { avx2$(::<$c>)?($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::math::Width::Avx512 => unsafe { avx512$(::<$c>)?($($arg),*) },
            }
        }
    };
}
pub(crate) use multiversion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_close_and_never_breaks() {
        let mut x = -80.0f32;
        while x < 80.0 {
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((ours / exact - 1.0).abs() < 4e-7, "{x}: {ours} {exact}");
            x += 0.173;
        }
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30] {
            assert!(exp(x).is_finite(), "{x}");
            assert!((0.0..=1.0).contains(&sigmoid(x)), "{x}");
        }
    }

    #[test]
    fn logarithm_is_exact_at_powers_of_two() {
        for (x, expected) in [(0.0, 0.0), (1.0, 0.0), (2.0, 1.0), (3.0, 1.5), (1024.0, 10.0)] {
            assert_eq!(log2_linear(x), expected, "{x}");
        }
    }

    #[test]
    fn sums_do_not_depend_on_the_vector_width() {
        multiversion! {
            fn kernel(level, a: &[Vector], b: &[Vector]) -> f32 {
                let mut total = ZERO;
                for (a, b) in a.iter().zip(b) {
                    let d = dot(a, b);
                    for i in 0..D {
                        total[i] += exp(a[i] * d) + sigmoid(b[i]);
                    }
                }
                sum(&total)
            }
        }
        let mut rng = base::Rng::from_seed(3);
        let mut vectors = || (0..64).map(|_| std::array::from_fn(|_| rng.normal())).collect::<Vec<Vector>>();
        let (a, b) = (vectors(), vectors());
        let expected = kernel(Level::portable(), &a, &b);
        for level in Level::available() {
            assert_eq!(kernel(level, &a, &b).to_bits(), expected.to_bits(), "{}", level.name());
        }
    }
}
