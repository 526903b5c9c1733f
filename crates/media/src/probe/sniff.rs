//! The first bytes decide what a file may be before any tool sees it.

use std::path::Path;

use tokio::io::AsyncReadExt;

/// As much of a file as is looked at.
const HEAD_BYTES: usize = 4096;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Sniffed {
    /// The start of a container that is read here.
    Container,
    /// A list of other files, a manifest, a vector picture that may name files, a page.
    Reference,
    Unknown,
}

pub(super) async fn sniff(source: &Path) -> std::io::Result<Sniffed> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    tokio::fs::File::open(source).await?.take(HEAD_BYTES as u64).read_to_end(&mut head).await?;
    Ok(classify(&head))
}

/// Whether the bytes of `word` stand anywhere in the file. Reads all of it, a piece at a time.
pub(super) async fn holds(source: &Path, word: &[u8; 4]) -> std::io::Result<bool> {
    let mut file = tokio::fs::File::open(source).await?;
    let mut buffer = vec![0u8; 64 * 1024];
    let mut kept = 0;
    loop {
        let read = file.read(&mut buffer[kept..]).await?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        if buffer[..filled].windows(word.len()).any(|w| w == word) {
            return Ok(true);
        }
        // The word may lie across two pieces.
        kept = filled.min(word.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

fn classify(head: &[u8]) -> Sniffed {
    if is_container(head) {
        Sniffed::Container
    } else if is_reference(head) {
        Sniffed::Reference
    } else {
        Sniffed::Unknown
    }
}

fn is_container(head: &[u8]) -> bool {
    let at = |offset: usize, magic: &[u8]| head.get(offset..offset + magic.len()) == Some(magic);
    let box_type = head.get(4..8).unwrap_or_default();
    let iso = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"];
    let mpeg_ts = |packet: usize, first: usize| (0..3).all(|i| head.get(first + i * packet) == Some(&0x47));
    iso.iter().any(|known| box_type == known.as_slice())
        || at(0, &[0x1a, 0x45, 0xdf, 0xa3]) // EBML: Matroska, WebM
        || (at(0, b"RIFF") && at(8, b"AVI "))
        || at(0, b"FLV\x01")
        || at(0, b"OggS")
        || at(0, &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11]) // ASF
        || at(0, &[0, 0, 1, 0xba]) // MPEG program stream
        || at(0, &[0, 0, 1, 0xb3]) // MPEG video
        || at(0, &[0, 0, 0, 1, 0x67]) || at(0, &[0, 0, 0, 1, 0x40]) // raw H.264, H.265
        || mpeg_ts(188, 0)
        || mpeg_ts(192, 4)
}

fn is_reference(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let starts =
        ["#extm3u", "ffconcat", "<?xml", "<svg", "<mpd", "<smil", "<html", "<!doctype", "[playlist]", "[reference]", "<asx"];
    starts.iter().any(|start| text.starts_with(start))
        || text.starts_with("v=0\r\n") || text.starts_with("v=0\n") // SDP
        || (text.lines().take(20).any(|line| {
            let line = line.trim_start();
            line.starts_with("file ") || line.starts_with("http://") || line.starts_with("https://") || line.starts_with("rtsp://")
        }) && !head.contains(&0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_containers_references_and_the_rest() {
        fn check(head: &[u8], expected: Sniffed) {
            assert_eq!(classify(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
        check(b"\0\0\0\x20ftypisom", Sniffed::Container);
        check(b"\x1a\x45\xdf\xa3\x01", Sniffed::Container);
        check(b"RIFF\0\0\0\0AVI LIST", Sniffed::Container);
        check(b"RIFF\0\0\0\0WAVEfmt ", Sniffed::Unknown);
        check(b"#EXTM3U\n/etc/passwd", Sniffed::Reference);
        check(b"\xef\xbb\xbf#EXTM3U", Sniffed::Reference);
        check(b"ffconcat version 1.0\nfile a.mp4", Sniffed::Reference);
        check(b"# a comment\nfile '/etc/passwd'\n", Sniffed::Reference);
        check(b"<?xml version='1.0'?><MPD/>", Sniffed::Reference);
        check(b"  <svg xmlns='x'>", Sniffed::Reference);
        check(b"https://example.org/a.mp4", Sniffed::Reference);
        check(b"hello, this is text", Sniffed::Unknown);
        check(b"\x89PNG\r\n\x1a\n", Sniffed::Unknown);
        check(b"", Sniffed::Unknown);
    }
}
