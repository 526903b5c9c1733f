//! The only place that starts ffmpeg and ffprobe.
//!
//! The chain `prlimit → nice → ffmpeg` replaces itself at each step, so that the child that is killed is ffmpeg itself. The
//! kernel holds processor time, address space and file size even if this process dies; the wall time is held here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::Error;

/// The bytes of standard error that are kept, from its beginning and from its end.
const STDERR_HEAD_BYTES: usize = 16 * 1024;
const STDERR_TAIL_BYTES: usize = 48 * 1024;
/// The longest line of a progress report.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// The containers that are read: never playlists, lists of files, sequences of pictures, scripts or devices.
const DEMUXERS: &str =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,ogg,asf,asf_o,h264,hevc,m4v";
/// The decoders that may be opened; a stream of any other kind stays closed.
const DECODERS: &str = "h264,hevc,vp8,vp9,libdav1d,libaom-av1,av1,mpeg4,mpeg1video,mpeg2video,h263,theora,mjpeg,prores,dnxhd,\
flv,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,aac,aac_latm,mp3,mp3float,mp2,mp2float,opus,libopus,vorbis,libvorbis,ac3,eac3,flac,\
alac,amrnb,amrwb,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_u8,pcm_s8,pcm_mulaw,\
pcm_alaw,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,wmav1,wmav2,wmapro,dca,truehd,\
mov_text,webvtt,subrip,srt,ass,text";

/// What one run of a tool may use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Seconds on the clock.
    pub wall_s: u64,
    /// Seconds of processor time, all threads together.
    pub cpu_s: u64,
    /// Address space in bytes. Most of it is never touched: 4 GiB of it is needed for 4K frames in ten bits.
    pub memory_bytes: u64,
    /// The largest file that may be written, in bytes.
    pub file_bytes: u64,
    /// Threads of each decoder, filter graph and encoder.
    pub threads: u32,
    /// Priority, 0 (as the server) to 19 (only when nothing else wants to run).
    pub nice: u8,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            wall_s: 900,
            cpu_s: 1_800,
            memory_bytes: 6 * 1024 * 1024 * 1024,
            file_bytes: 512 * 1024 * 1024,
            threads: 2,
            nice: 5,
        }
    }
}

impl Caps {
    /// The same, with less time: for work that has to be quick.
    pub(crate) fn within(self, wall_s: u64, cpu_s: u64) -> Self {
        Self { wall_s: self.wall_s.min(wall_s), cpu_s: self.cpu_s.min(cpu_s), ..self }
    }
}

/// Starts the tools. Cheap to clone, shared by all jobs; how many run at once is the caller's to bound.
#[derive(Debug, Clone)]
pub struct Sandbox {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
    path: OsString,
    pub(crate) caps: Caps,
}

/// How much of standard output is wanted.
pub(crate) enum Stdout<'a> {
    /// Up to so many bytes; more ends the run.
    Keep(usize),
    /// Each line as it comes (`key=value` of ffmpeg's `-progress`), nothing kept.
    Lines(&'a (dyn Fn(&str) + Send + Sync)),
}

/// How a run ended, when it ended by itself.
pub(crate) struct Done {
    pub ok: bool,
    pub stdout: Vec<u8>,
    /// True when standard output was more than was to be kept; the run was ended then.
    pub overflowed: bool,
    /// Beginning and end of standard error.
    pub stderr: String,
}

impl Sandbox {
    /// Runs `ffmpeg` and `ffprobe` as found on the PATH.
    pub fn new(caps: Caps) -> Self {
        Self::with_tools(PathBuf::from("ffmpeg"), PathBuf::from("ffprobe"), caps)
    }

    /// Runs the given programs; both are the operator's choice, never an input's.
    pub fn with_tools(ffmpeg: PathBuf, ffprobe: PathBuf, caps: Caps) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
        Self { ffmpeg, ffprobe, path, caps }
    }

    /// What one run may use.
    pub fn caps(&self) -> Caps {
        self.caps
    }

    /// ffprobe on an untrusted file.
    pub(crate) async fn probe(
        &self,
        step: &'static str,
        dir: &Path,
        source: &Path,
        args: &[&str],
        stdout_max: usize,
        caps: Caps,
    ) -> Result<Done, Error> {
        let mut all = owned(&["-v", "error", "-hide_banner"]);
        all.extend(input_guards());
        all.extend(owned(args));
        all.push(OsString::from("-i"));
        all.push(file_url(source));
        self.run(step, &self.ffprobe, dir, all, Stdout::Keep(stdout_max), caps).await
    }

    /// ffmpeg with one untrusted file as its only input. `before` stands before `-i`, `after` names the outputs, which are
    /// relative to `dir`.
    #[allow(clippy::too_many_arguments)]
    pub(crate) async fn convert(
        &self,
        step: &'static str,
        dir: &Path,
        source: &Path,
        before: &[String],
        after: &[String],
        stdout: Stdout<'_>,
        caps: Caps,
    ) -> Result<Done, Error> {
        let mut all = owned(&["-v", "error", "-hide_banner", "-nostdin", "-nostats", "-y"]);
        if matches!(stdout, Stdout::Lines(_)) {
            all.extend(owned(&["-progress", "pipe:1"]));
        }
        let threads = caps.threads.max(1).to_string();
        all.extend(owned(&["-filter_threads", &threads, "-filter_complex_threads", &threads, "-threads", &threads]));
        all.extend(input_guards());
        all.extend(before.iter().map(OsString::from));
        all.push(OsString::from("-i"));
        all.push(file_url(source));
        all.extend(after.iter().map(OsString::from));
        self.run(step, &self.ffmpeg, dir, all, stdout, caps).await
    }

    /// ffmpeg with generators instead of an input. Every argument is written in this crate: nothing that a person typed or
    /// sent may come here.
    pub(crate) async fn generate(&self, step: &'static str, dir: &Path, args: &[String], caps: Caps) -> Result<Done, Error> {
        let mut all = owned(&["-v", "error", "-hide_banner", "-nostdin", "-nostats", "-y"]);
        all.extend(args.iter().map(OsString::from));
        self.run(step, &self.ffmpeg, dir, all, Stdout::Keep(64 * 1024), caps).await
    }

    async fn run(
        &self,
        step: &'static str,
        tool: &Path,
        dir: &Path,
        args: Vec<OsString>,
        stdout: Stdout<'_>,
        caps: Caps,
    ) -> Result<Done, Error> {
        let mut command = Command::new("prlimit");
        command
            .arg("--core=0")
            .arg(format!("--cpu={}", caps.cpu_s))
            .arg(format!("--as={}", caps.memory_bytes))
            .arg(format!("--fsize={}", caps.file_bytes))
            .arg("--nofile=256")
            .arg("--")
            .args(["nice", "-n"])
            .arg(caps.nice.min(19).to_string())
            .arg(tool)
            .args(args)
            .current_dir(dir)
            .env_clear()
            .env("PATH", &self.path)
            .env("LC_ALL", "C.UTF-8")
            .env("AV_LOG_FORCE_NOCOLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C on the terminal reaches the server, which drains, and not its children.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| Error::ToolMissing {
            tool: "prlimit".into(),
            package: "util-linux",
            reason: error.to_string(),
        })?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Error::Tool { step, detail: "no pipes".into() });
        };
        let work = async {
            let (read, stderr) = tokio::join!(read_stdout(out, stdout), read_ends(err));
            let (kept, overflowed) = read?;
            if overflowed {
                child.start_kill()?;
            }
            let status = child.wait().await?;
            Ok::<_, std::io::Error>((status, kept, overflowed, stderr?))
        };
        let finished = tokio::time::timeout(Duration::from_secs(caps.wall_s), work).await;
        let Ok(finished) = finished else {
            child.start_kill()?;
            child.wait().await?;
            return Err(Error::Overtime { step });
        };
        let (status, stdout, overflowed, stderr) = finished?;
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            _ if overflowed => {}
            // SIGXCPU, or the SIGKILL that the kernel sends when processor time is up.
            (_, Some(24 | 9)) => return Err(Error::Overtime { step }),
            (Some(127 | 126), _) if stderr.starts_with("nice:") || stderr.starts_with("prlimit:") => {
                let tool = tool.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return Err(Error::ToolMissing { tool, package: "ffmpeg", reason: stderr.trim().to_owned() });
            }
            _ => {}
        }
        Ok(Done { ok: status.success(), stdout, overflowed, stderr })
    }
}

fn owned(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

/// What stands before every untrusted input.
fn input_guards() -> Vec<OsString> {
    owned(&["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-codec_whitelist", DECODERS, "-max_streams", "64"])
}

/// `file:` in front, so that no name can be taken for an option or a protocol; absolute, because tools run in folders of their own.
fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(std::path::absolute(path).as_deref().unwrap_or(path));
    url
}

/// Reads all of standard output: the flag is true when there was more than was to be kept (the rest stays unread).
async fn read_stdout(mut from: impl AsyncRead + Unpin, how: Stdout<'_>) -> std::io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::new();
    let mut buffer = vec![0u8; 16 * 1024];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            return Ok((kept, false));
        }
        kept.extend_from_slice(&buffer[..n]);
        match &how {
            Stdout::Keep(max) if kept.len() > *max => {
                kept.truncate(*max);
                return Ok((kept, true));
            }
            Stdout::Keep(_) => {}
            Stdout::Lines(tell) => {
                while let Some(end) = kept.iter().position(|b| *b == b'\n') {
                    let line: Vec<u8> = kept.drain(..=end).collect();
                    tell(String::from_utf8_lossy(&line).trim());
                }
                if kept.len() > LINE_BYTES_MAX {
                    kept.clear();
                }
            }
        }
    }
}

/// Reads everything, keeps the beginning and the end.
async fn read_ends(mut from: impl AsyncRead + Unpin) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut tail = Vec::new();
    let mut buffer = vec![0u8; 16 * 1024];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            break;
        }
        let room = STDERR_HEAD_BYTES.saturating_sub(head.len()).min(n);
        head.extend_from_slice(&buffer[..room]);
        tail.extend_from_slice(&buffer[room..n]);
        if tail.len() > 2 * STDERR_TAIL_BYTES {
            tail.drain(..tail.len() - STDERR_TAIL_BYTES);
        }
    }
    head.extend_from_slice(&tail[tail.len().saturating_sub(STDERR_TAIL_BYTES)..]);
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// A generator that would run for a day.
    const ENDLESS: &str = "-f lavfi -i testsrc2=s=320x240:r=1000:d=86400 -f null -";

    #[tokio::test]
    async fn time_is_limited_on_the_clock_and_on_the_processor() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Caps::default());
        for caps in [Caps { wall_s: 1, nice: 0, ..Caps::default() }, Caps { cpu_s: 1, nice: 0, ..Caps::default() }] {
            let ended = sandbox.generate("waiting", folder.path(), &args(ENDLESS), caps).await;
            assert!(matches!(ended, Err(Error::Overtime { step: "waiting" })), "{:?}", ended.map(|d| d.stderr));
        }
    }

    #[tokio::test]
    async fn files_and_memory_are_limited() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Caps::default());
        let big = args("-f lavfi -i testsrc2=s=320x240:r=25:d=60 -f rawvideo file:big.raw");
        let caps = Caps { file_bytes: 100_000, ..Caps::default() };
        let ended = sandbox.generate("writing", folder.path(), &big, caps).await;
        assert!(!ended.is_ok_and(|done| done.ok));
        assert!(folder.path().join("big.raw").metadata().unwrap().len() <= 100_000);
        let caps = Caps { memory_bytes: 400 << 20, ..Caps::default() };
        let wide = args("-f lavfi -i color=s=16384x16384:d=1 -frames:v 1 -f null -");
        assert!(!sandbox.generate("growing", folder.path(), &wide, caps).await.is_ok_and(|done| done.ok));
    }

    #[tokio::test]
    async fn a_missing_tool_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::with_tools("/nowhere/ffmpeg".into(), "/nowhere/ffprobe".into(), Caps::default());
        let Err(Error::ToolMissing { tool, package, .. }) = sandbox.generate("x", folder.path(), &[], Caps::default()).await
        else {
            panic!("the tool is not there");
        };
        assert_eq!((tool.as_str(), package), ("ffmpeg", "ffmpeg"));
    }

    #[tokio::test]
    async fn untrusted_inputs_reach_no_other_protocol_and_no_list() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret.txt");
        std::fs::write(&secret, "secret").unwrap();
        let sandbox = Sandbox::new(Caps::default());
        // Past the first look at the bytes, the tool itself still refuses.
        for list in [
            format!("#EXTM3U\n#EXTINF:1,\nfile://{}\n", secret.display()),
            format!("ffconcat version 1.0\nfile {}\n", secret.display()),
        ] {
            let source = folder.path().join("source");
            std::fs::write(&source, list).unwrap();
            let done = sandbox
                .probe("x", folder.path(), &source, &["-show_format", "-show_packets"], 1 << 16, Caps::default())
                .await
                .unwrap();
            assert!(!done.ok && done.stdout.len() < 64, "{}", String::from_utf8_lossy(&done.stdout));
        }
    }
}
