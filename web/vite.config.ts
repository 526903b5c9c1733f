import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const server = process.env.WATERSHED_SERVER ?? 'http://localhost:8080';
const proxied = { target: server, changeOrigin: false };

export default defineConfig({
  plugins: [svelte()],
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
