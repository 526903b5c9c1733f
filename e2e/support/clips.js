/** Clips made with ffmpeg: kinds that differ in picture, motion and sound, and files that are odd or broken. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs ffmpeg with `args` and returns the bytes of the file it wrote. */
export async function ffmpeg(args, ending = 'mp4') {
  const folder = mkdtempSync(join(tmpdir(), 'watershed-clip-'));
  try {
    const file = join(folder, `clip.${ending}`);
    await execute('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y', ...args, file], { maxBuffer: 1 << 20 });
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '30', '-pix_fmt', 'yuv420p', '-g', '15'];
const aac = ['-c:a', 'aac', '-b:a', '64k', '-ac', '1'];
const mp4 = ['-movflags', '+faststart'];

/** A number between `low` and `high` that depends on `n` and `salt` and looks random. */
function between(n, salt, low, high) {
  const scattered = Math.sin(n * 12.9898 + salt * 78.233) * 43758.5453;
  return low + (scattered - Math.floor(scattered)) * (high - low);
}

/** `240x426` in `part` of its size. */
const shrunk = (size, part) => size.split('x').map((side) => Math.round(side / part)).join('x');

/** Picture and sound of each kind, as ffmpeg's generators; `n` chooses one of many. */
const kinds = {
  /** Red bars that move, a steady tone. */
  bars: (n, size) => {
    const angle = between(n, 1, 0, Math.PI);
    const pitch = between(n, 2, 0.08, 0.32);
    const speed = between(n, 3, 4, 14);
    const wave = `(X*${Math.cos(angle).toFixed(3)}+Y*${Math.sin(angle).toFixed(3)})*${pitch.toFixed(4)}+T*${speed.toFixed(2)}`;
    return {
      picture: `nullsrc=s=${shrunk(size, 2)}:r=15,geq=r='60+190*gt(sin(${wave}),0)':g='20+30*gt(sin(Y*${(pitch / 3).toFixed(4)}),0)':b=20,scale=${size}:flags=neighbor`,
      sound: `sine=f=${Math.round(between(n, 4, 300, 900))}`,
    };
  },
  /** Zooms into the Mandelbrot set, soft noise. */
  fractal: (n, size) => {
    // Different places, or two zooms pass through the same picture and are found to be the same clip.
    const places = [
      [-0.7436, 0.1318], [-1.2561, 0.3803], [0.2925, 0.0149], [-0.1592, 1.0318], [-1.7687, 0.0017],
      [-0.5251, 0.5259], [0.3602, 0.1003], [-0.8157, 0.1994], [-1.3108, 0.0611], [0.4379, 0.3419],
    ];
    const [x, y] = places[n % places.length];
    const scale = between(n, 5, 0.02, 0.5) / (1 + Math.floor(n / places.length));
    return {
      picture: `mandelbrot=s=${size}:r=15:start_x=${x}:start_y=${-y}:start_scale=${scale.toFixed(5)}:end_scale=${(scale / 8).toFixed(6)}:end_pts=60:maxiter=300:inner=convergence`,
      sound: `anoisesrc=c=pink:a=0.2:seed=${n + 1}`,
    };
  },
  /** A cellular automaton, short beats. */
  life: (n, size) => ({
    picture: `life=s=${shrunk(size, 6)}:r=10:mold=12:ratio=${between(n, 6, 0.15, 0.5).toFixed(3)}:seed=${n + 7}:death_color=0x103060:life_color=0x30ff70:mold_color=0x204040,scale=${size}:flags=neighbor`,
    sound: `aevalsrc='0.6*sin(2*PI*${Math.round(between(n, 7, 90, 240))}*t)*exp(-12*mod(t,${between(n, 8, 0.2, 0.5).toFixed(2)}))'`,
  }),
};
export const kind_names = Object.keys(kinds);

/** The MP4 bytes of clip number `n` of a kind. */
export function make(kind, n, { size = '240x426', seconds = 2 } = {}) {
  const { picture, sound } = kinds[kind](n, size);
  return ffmpeg(['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound, '-t', String(seconds), ...h264, ...aac, ...mp4]);
}

const test_picture = (size, rate = 25, seconds = 2) => ['-f', 'lavfi', '-t', String(seconds), '-i', `testsrc2=s=${size}:r=${rate}`];
const tone = (seconds = 2) => ['-f', 'lavfi', '-t', String(seconds), '-i', 'sine=f=440'];

/** Writes a quarter turn into the first track's matrix, as a phone that was held upright does. */
function rotated(bytes, height) {
  const matrix = bytes.indexOf('tkhd') + 4 + 40;
  [0, 1 << 16, 0, -(1 << 16), 0, 0, height << 16, 0, 1 << 30].forEach((value, place) => bytes.writeInt32BE(value, matrix + 4 * place));
  return bytes;
}

/** Odd but sound files: each must end as a clip that plays. */
export const odd = {
  'landscape h264 mp4': () => ffmpeg([...test_picture('640x360'), ...tone(), ...h264, ...aac, ...mp4]),
  'no sound': () => ffmpeg([...test_picture('360x640'), ...h264, ...mp4]),
  'rotated by metadata': async () => rotated(await ffmpeg([...test_picture('640x360'), ...tone(), ...h264, ...aac, ...mp4]), 360),
  'hevc 10 bit mov': () =>
    ffmpeg([...test_picture('320x568'), ...tone(), '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-pix_fmt', 'yuv420p10le', '-tag:v', 'hvc1', ...aac], 'mov'),
  'vp9 and opus webm': () =>
    ffmpeg([...test_picture('320x568'), ...tone(), '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '300k', '-c:a', 'libopus'], 'webm'),
  'av1 mkv': () => ffmpeg([...test_picture('320x568'), ...tone(), '-c:v', 'libsvtav1', '-preset', '12', '-pix_fmt', 'yuv420p', ...aac], 'mkv'),
  'variable frame rate': () =>
    ffmpeg([...test_picture('320x568', 30), ...tone(), '-vf', "select='not(mod(n,3))+gt(mod(n,20),12)'", '-fps_mode', 'vfr', ...h264, ...aac, ...mp4]),
  'odd dimensions': () =>
    ffmpeg([...test_picture('322x571'), ...tone(), '-vf', 'crop=321:569', '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '300k', '-c:a', 'libopus'], 'webm'),
};

/** Files that must be refused, with the codes that may be said. */
export const refused = {
  'zero bytes': { codes: ['empty'], bytes: async () => new Uint8Array() },
  'not a video': { codes: ['not_a_video'], bytes: async () => Buffer.from('Dear diary, this is no video at all.\n'.repeat(50)) },
  'a picture only': { codes: ['not_a_video', 'too_short', 'no_picture'], bytes: () => ffmpeg(['-f', 'lavfi', '-i', 'testsrc2=s=320x240', '-frames:v', '1'], 'png') },
  'sound only': { codes: ['no_picture'], bytes: () => ffmpeg([...tone(), ...aac], 'm4a') },
  'cut short, index gone': {
    codes: ['cut_short', 'damaged', 'not_a_video'],
    bytes: async () => {
      const whole = await ffmpeg([...test_picture('320x568', 25, 3), ...tone(3), ...h264, ...aac]);
      return whole.subarray(0, Math.floor(whole.length * 0.6));
    },
  },
  'cut short, index kept': {
    codes: ['cut_short', 'damaged'],
    bytes: async () => {
      const whole = await ffmpeg([...test_picture('320x568', 25, 4), ...tone(4), ...h264, ...aac, ...mp4]);
      return whole.subarray(0, Math.floor(whole.length * 0.4));
    },
  },
  'an HLS playlist': {
    codes: ['playlist_or_reference'],
    bytes: async () => Buffer.from('#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'),
  },
  'a concat script': { codes: ['playlist_or_reference', 'not_a_video'], bytes: async () => Buffer.from("ffconcat version 1.0\nfile '/etc/passwd'\n") },
};
