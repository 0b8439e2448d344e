/**
 * Whether `url`, which is somebody else's word, may be asked: http or https, without user and password, of a host that was
 * configured.
 * @param hosts lower case: a name, which stands for the usual port of either scheme; a name and port; or `*.` and a suffix, for
 *   every name below it
 */
export function isListed(url: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, host, username, password } = new URL(url);
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '' || password !== '') return false;
  // As URL writes a host: the usual port of the scheme is left out.
  const usualPort = protocol === 'https:' ? /:443$/ : /:80$/;
  return hosts.some((listed) => {
    const wanted = listed.replace(usualPort, '');
    return wanted.startsWith('*.') ? host.length > wanted.length - 1 && host.endsWith(wanted.slice(1)) : host === wanted;
  });
}
