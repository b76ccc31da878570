import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { money } from '../ui/format.js'

interface Product { id: string; name: string; price: string; currency: string; imageUrl: string; vendorId: string; storeName: string; storeLogoUrl: string }
interface Person { id: string; type: string; name: string; picture: string }
interface Shop { products: Product[]; people: Person[] }

declare module 'preact' {
  namespace JSX { interface IntrinsicElements { 'chaffer-chat': Record<string, string | boolean | undefined> } }
}

const query = new URLSearchParams(location.search)
const languages = { en: 'English', fr: 'Français', de: 'Deutsch', es: 'Español', ar: 'العربية' }

/** Goes to another customer or language: a page of its own, as a login would be. */
function go(changes: Record<string, string>) {
  for (const [k, v] of Object.entries(changes)) query.set(k, v)
  location.search = String(query)
}

function Page({ shop }: { shop: Shop }) {
  const id = location.pathname.split('/')[3] ?? '12345'
  const product = shop.products.find((p) => p.id === decodeURIComponent(id))
  const customers = shop.people.filter((p) => p.type === 'customer')
  const customer = customers.find((c) => c.id === query.get('customer')) ?? customers[0]!
  const lang = query.get('lang') ?? 'en'
  useEffect(() => {
    document.documentElement.lang = 'en'
    if (product) document.title = `${product.name} · Bazaar`
  }, [])
  const bar = (
    <header class="bar"><div>
      <a class="brand" href="/demo">Bazaar</a>
      <label>You are
        <select value={customer.id} onChange={(e) => go({ customer: e.currentTarget.value })}>{customers.map((c) => <option value={c.id}>{c.name}</option>)}</select>
      </label>
      <label>Chat in
        <select value={lang} onChange={(e) => go({ lang: e.currentTarget.value })}>{Object.entries(languages).map(([k, v]) => <option value={k}>{v}</option>)}</select>
      </label>
    </div></header>
  )
  if (!product) return <>{bar}<main class="message"><h1>There is no such product</h1><p>Perhaps one of <a href="/demo">these</a>?</p></main></>
  const others = shop.products.filter((p) => p !== product)
  return (
    <>
      {bar}
      <main>
        <p class="crumbs">Shop · {product.storeName} · {product.name}</p>
        <div class="product">
          <img src={product.imageUrl} alt="" width="480" height="480" />
          <div>
            <span class="seller"><img src={product.storeLogoUrl} alt="" />{product.storeName}</span>
            <h1>{product.name}</h1>
            <p class="price">{money(product.price, product.currency, 'en')}</p>
            <p class="note">VAT included, delivery in two to four days</p>
            <div class="buttons">
              <button class="main" type="button" onClick={() => document.querySelector('chaffer-chat')?.setAttribute('open', '')}>Ask the seller</button>
              <a class="second" href={`/demo/vendor?vendor=${product.vendorId}`} target="_blank" rel="noopener">See the seller’s side</a>
            </div>
            <dl><dt>Article</dt><dd>{product.id}</dd><dt>Sold by</dt><dd>{product.storeName}</dd><dt>Returns</dt><dd>30 days</dd></dl>
          </div>
        </div>
        <h2>More from the bazaar</h2>
        <ul class="shelf">
          {others.map((p) => (
            <li key={p.id}><a href={`/demo/product/${p.id}${location.search}`}><img src={p.imageUrl} alt="" loading="lazy" /><b>{p.name}</b><span>{money(p.price, p.currency, 'en')} · {p.storeName}</span></a></li>
          ))}
        </ul>
      </main>
      <chaffer-chat token-url={`/demo/token/customer/${customer.id}`} product-id={product.id} recipient-id={product.vendorId} product-name={product.name}
        product-price={product.price} product-currency={product.currency} product-image={product.imageUrl} store-name={product.storeName} store-logo={product.storeLogoUrl}
        customer-name={customer.name} customer-picture={customer.picture} lang={lang} theme={query.get('theme') ?? undefined} open={query.has('open') ? '' : undefined} />
    </>
  )
}

function Loader() {
  const [shop, setShop] = useState<Shop | string>()
  useEffect(() => {
    fetch('/demo/shop.json').then(async (res) => setShop(res.ok ? ((await res.json()) as Shop) : `The shop answered ${res.status}`), (err: Error) => setShop(err.message))
  }, [])
  if (typeof shop === 'string') return <main class="message"><h1>The shop is closed</h1><p>{shop}</p></main>
  return shop ? <Page shop={shop} /> : null
}

render(<Loader />, document.getElementById('page')!)
