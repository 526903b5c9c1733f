import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const server = process.env.WATERSHED_SERVER ?? 'http://localhost:8080';
const proxied = { target: server, changeOrigin: false };

/** Names the files that the stage needs, for the service worker: `shell.json`, a list of addresses. */
function shell(): Plugin {
  return {
    name: 'shell',
    apply: 'build',
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
      const named = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
      const files = new Set<string>();
      const take = (name: string) => {
        const chunk = named.get(name);
        if (!chunk || files.has(name)) return;
        files.add(name);
        chunk.viteMetadata?.importedCss.forEach((css) => files.add(css));
        chunk.imports.forEach(take);
      };
      for (const chunk of chunks) {
        const id = chunk.facadeModuleId ?? '';
        if (chunk.isEntry || id.endsWith('/pages/Stage.svelte') || id.includes('/hls.js/')) take(chunk.fileName);
      }
      const source = JSON.stringify([...files].map((file) => `/${file}`));
      this.emitFile({ type: 'asset', fileName: 'shell.json', source });
    },
  };
}

export default defineConfig({
  plugins: [svelte(), shell()],
  resolve: { alias: { $: fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // Nothing is inlined: the content security policy allows files of our own origin only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: true,
  },
  server: {
    port: 5173,
    proxy: { '/v1': proxied, '/media': proxied, '/avatars': proxied, '/openapi.json': proxied, '/oembed': proxied },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
