const paths: Record<string, string> = {
  chat: 'M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M4 12l16-8-6 16-3-6z',
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 4M15 9h.01',
  list: 'M4 7h16M4 12h16M4 17h10',
  bin: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  flag: 'M6 21V4h12l-3 4 3 4H6',
  sending: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  sent: 'M5 13l4 4L19 7',
  delivered: 'M2 13l4 4L15 7M11 16l1 1L22 7',
  failed: 'M12 7v6M12 17h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  verified: 'M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5',
}

/** A warning beside a name whose letters may be those of another alphabet. */
export const Doubt = ({ of, label }: { of: boolean | undefined; label: string }) => of ? <span role="img" title={label}>⚠</span> : null

/** Further drawings, for pages that need more than the storefront does. */
export const addIcons = (more: Record<string, string>) => { Object.assign(paths, more) }

/** A line drawing of 24 by 24. With a label it is an image, without one decoration. */
export function Icon({ name, label, class: more = '' }: { name: string; label?: string | undefined; class?: string }) {
  return (
    <svg viewBox="0 0 24 24" class={`icon ${more}`} {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' })}>
      <path d={paths[name]} />
    </svg>
  )
}
