// A real OpenID provider for tests: `oidc-provider`, and a door through which a test says who its people are and how it misbehaves.
// Prints {"issuer", "control"} when it answers. Its people sign in by typing their subject, or with login_hint at once.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Provider } from 'oidc-provider';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';

const CLIENT = { id: 'safekeep', secret: process.env.CLIENT_SECRET || 'a made-up secret of the test' };
const people = new Map();   // subject → {claims, amr, acr}
let misbehaves = '';        // how the next answers of the token endpoint are wrong
let kept = '';              // an ID token of before, for a replay
let key, issuer, answer, generation = 0;

async function newKey(kid) {
  const pair = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(pair.privateKey)), kid, use: 'sig', alg: 'RS256' };
}

async function begin() {
  generation += 1;
  key = await newKey(`key-${generation}`);
  const provider = new Provider(issuer, {
    clients: [{
      client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: (process.env.REDIRECTS || '').split(' '),
      grant_types: ['authorization_code'], response_types: ['code'],
    }],
    jwks: { keys: [key] },
    cookies: { keys: ['a made-up cookie key'] },
    claims: { openid: ['sub', 'amr', 'acr'], email: ['email', 'email_verified'], profile: ['name', 'groups', 'hd', 'xms_edov'] },
    conformIdTokenClaims: process.env.CLAIMS_IN_USERINFO === '1',
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Grant: 600, Session: 600 },
    findAccount: (_, sub) => people.has(sub) && { accountId: sub, claims: () => ({ sub, ...people.get(sub).claims }) },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/token' && ctx.body?.id_token) ctx.body.id_token = await wrong(ctx.body.id_token);
  });
  const oidc = provider.callback();
  answer = async (request, response) => {
    const path = new URL(request.url, issuer).pathname;
    if (misbehaves === 'down') return request.socket.destroy();
    if (misbehaves === 'token_down' && path === '/token') return request.socket.destroy();
    if (misbehaves === 'hangs') return undefined;
    if (misbehaves === 'redirects' && path === '/jwks') { response.writeHead(302, { Location: `${issuer}/elsewhere` }).end(); return undefined; }
    if (path.startsWith('/interaction/')) return interaction(provider, request, response);
    return oidc(request, response);
  };
}

async function interaction(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  let sub = params.login_hint;
  if (request.method === 'POST') {
    let body = '';
    for await (const part of request) body += part;
    sub = new URLSearchParams(body).get('sub');
  }
  if (sub === 'nobody') return provider.interactionFinished(request, response, { error: 'access_denied' });
  if (!people.has(sub)) {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end('<!doctype html><title>The issuer</title><form method="post"><label>Who <input name="sub"></label><button>Go on</button></form>');
    return undefined;
  }
  const { amr, acr } = people.get(sub);
  return provider.interactionFinished(request, response, { login: { accountId: sub, remember: false, amr, acr } });
}

// The ID token as it would be if something were wrong with it; signed with the provider's own key where that is not what is wrong.
async function wrong(token) {
  const [head, body, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sign = async (changed, jwk = key, header = {}) =>
    new SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg: 'RS256', kid: key.kid, ...header }).sign(await importJWK(jwk, 'RS256'));
  const now = Math.floor(Date.now() / 1000);
  const ways = {
    tampered: async () => `${head}.${part({ ...claims, email: process.env.VICTIM || 'dee@one.example', email_verified: true })}.${signature}`,
    audience: () => sign({ aud: 'another-client' }),
    audiences: () => sign({ aud: ['another-client'], azp: CLIENT.id }),
    issuer: () => sign({ iss: 'https://elsewhere.example' }),
    expired: () => sign({ iat: now - 7200, exp: now - 3600 }),
    nonce: () => sign({ nonce: 'of another sign-in' }),
    no_nonce: () => sign({ nonce: undefined }),
    replayed: async () => kept,
    none: async () => `${part({ alg: 'none' })}.${body}.`,
    secret: async () => new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: key.kid }).sign(Buffer.from(CLIENT.secret)),
    stranger: async () => sign({}, await newKey(key.kid)),
    unknown_key: async () => sign({}, await newKey('a-stranger'), { kid: 'a-stranger' }),
    rotates: async () => { await begin(); return sign({}); },
    no_subject: () => sign({ sub: undefined }),
    garbage: async () => 'not.a.token',
  };
  const made = misbehaves in ways ? await ways[misbehaves]() : token;
  if (!misbehaves) kept = token;
  return made;
}

const control = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  const sent = JSON.parse(body || '{}');
  if (sent.people) for (const [sub, person] of Object.entries(sent.people)) people.set(sub, person);
  if ('misbehaves' in sent) misbehaves = sent.misbehaves;
  if (sent.rotate) await begin();
  response.end('{}');
});
const door = createServer((request, response) => answer(request, response));
for (const server of [door, control]) { server.listen(Number(server === door && process.env.PORT) || 0, '127.0.0.1'); await once(server, 'listening'); }
issuer = `http://localhost:${door.address().port}`;
await begin();
console.log(JSON.stringify({ issuer, control: `http://127.0.0.1:${control.address().port}`, client_id: CLIENT.id, client_secret: CLIENT.secret }));
process.stdin.resume().on('end', () => process.exit(0));  // ends with the test that started it
