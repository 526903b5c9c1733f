//! Profile pictures: whatever was sent becomes a small square JPEG that carries nothing but pixels.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use crate::{Accounts, AccountsError};

/// The largest picture that is read.
pub const AVATAR_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Width and height of what comes out.
pub const AVATAR_PIXELS: u32 = 256;
/// Pictures decoded at once; each may take [`MEMORY_MAX`].
pub(crate) const AT_ONCE: usize = 2;
const SIDE_MAX: u32 = 8_192;
const MEMORY_MAX: u64 = 192 * 1024 * 1024;
const JPEG_QUALITY: u8 = 88;

fn refuse(code: &'static str, message: &'static str) -> AccountsError {
    AccountsError::invalid("avatar", code, message)
}

/// Decodes JPEG, PNG or WebP within limits, turns it upright, crops the middle square and encodes it anew. All metadata
/// (place, camera, thumbnails) is gone with the old encoding.
fn render(bytes: &[u8]) -> Result<Vec<u8>, AccountsError> {
    let unreadable = || refuse("avatar_unreadable", "This picture cannot be read. Try a JPEG, PNG or WebP.");
    if bytes.len() > AVATAR_BYTES_MAX {
        return Err(refuse("avatar_too_large", "A picture has at most 5 MiB."));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| unreadable())?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(refuse("avatar_format", "A picture is a JPEG, PNG or WebP."));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| unreadable())?;
    let orientation = decoder.orientation().map_err(|_| unreadable())?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| unreadable())?;
    picture.apply_orientation(orientation);
    let small = picture.resize_to_fill(AVATAR_PIXELS, AVATAR_PIXELS, FilterType::CatmullRom);
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY)
        .encode_image(&on_white(&small))
        .map_err(|e| AccountsError::Internal(format!("encoding a picture: {e}")))?;
    Ok(out)
}

/// JPEG knows no transparency: what shows through is white.
fn on_white(picture: &DynamicImage) -> RgbImage {
    let rgba = picture.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        let over = |c: u8| ((u16::from(c) * u16::from(a) + 255 * (255 - u16::from(a)) + 127) / 255) as u8;
        Rgb([over(r), over(g), over(b)])
    })
}

impl Accounts {
    /// Makes the profile picture out of what somebody sent: a JPEG of 256 by 256 pixels without metadata.
    pub async fn render_avatar(&self, bytes: Vec<u8>) -> Result<Vec<u8>, AccountsError> {
        let turn = self.avatars.acquire().await.map_err(|_| AccountsError::Busy)?;
        let done = tokio::task::spawn_blocking(move || render(&bytes)).await;
        drop(turn);
        done.map_err(|e| AccountsError::Internal(format!("decoding a picture: {e}")))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn halves(width: u32, height: u32) -> DynamicImage {
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |_, y| {
            if y < height / 2 { Rgb([250, 10, 10]) } else { Rgb([10, 10, 250]) }
        }))
    }

    fn code(result: Result<Vec<u8>, AccountsError>) -> &'static str {
        match result {
            Err(AccountsError::Invalid(issues)) => issues[0].code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_becomes_a_small_square_jpeg() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let out = render(&encoded(&halves(400, 300), format)).unwrap();
            let back = image::load_from_memory_with_format(&out, ImageFormat::Jpeg).unwrap();
            assert_eq!((back.width(), back.height()), (256, 256), "{format:?}");
            let top = back.to_rgb8().get_pixel(128, 20).0;
            assert!(top[0] > 200 && top[2] < 60, "{format:?}: {top:?}");
        }
    }

    #[test]
    fn metadata_goes_and_its_rotation_is_applied() {
        let plain = encoded(&halves(300, 300), ImageFormat::Jpeg);
        // An EXIF segment, little endian: one entry, orientation (0x0112) = 3, turned by half; then a text standing for a place.
        let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0".to_vec();
        exif.extend_from_slice(b"51.5N 0.1W");
        let mut with = plain[..2].to_vec();
        with.extend_from_slice(&[0xff, 0xe1]);
        with.extend_from_slice(&(exif.len() as u16 + 2).to_be_bytes());
        with.extend_from_slice(&exif);
        with.extend_from_slice(&plain[2..]);
        let out = render(&with).unwrap();
        assert!(!out.windows(4).any(|w| w == b"Exif" || w == b"51.5"));
        let top = image::load_from_memory(&out).unwrap().to_rgb8().get_pixel(128, 20).0;
        assert!(top[2] > 200 && top[0] < 60, "upside down before, upright now: {top:?}");
    }

    #[test]
    fn what_is_no_picture_is_refused_with_its_reason() {
        assert_eq!(code(render(b"")), "avatar_format");
        assert_eq!(code(render(b"<svg xmlns='http://www.w3.org/2000/svg'/>")), "avatar_format");
        assert_eq!(code(render(b"GIF89a\x01\0\x01\0")), "avatar_format");
        assert_eq!(code(render(&encoded(&halves(64, 64), ImageFormat::Png)[..60])), "avatar_unreadable");
        assert_eq!(code(render(&vec![0; AVATAR_BYTES_MAX + 1])), "avatar_too_large");
    }

    #[test]
    fn a_picture_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() {
        // A valid PNG header that claims 60,000 by 60,000 pixels.
        let mut header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x06\0\0\0".to_vec();
        let crc = header[12..].iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 })
        });
        header.extend_from_slice(&(!crc).to_be_bytes());
        header.extend_from_slice(&[0; 64]);
        assert_eq!(code(render(&header)), "avatar_unreadable");
    }

    #[test]
    fn transparency_becomes_white() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::new(300, 300));
        let out = image::load_from_memory(&render(&encoded(&clear, ImageFormat::Png)).unwrap()).unwrap();
        assert!(out.to_rgb8().get_pixel(5, 5).0.iter().all(|c| *c > 250));
    }
}
