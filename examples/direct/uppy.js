// Uppy sends to the bucket: what @uppy/aws-s3 6 needs to speak with vodkit's upload.Handler.
//
//   new Uppy().use(AwsS3, vodkit('https://example.com/assets'))
//
// Uppy asks for a signed request for each step of S3's protocol. Parts go to the bucket as
// they are; beginning, completing, listing and giving up are the service's, which Uppy is
// answered from data: URLs, in S3's XML. An upload goes on after a break, with new URLs; and
// after a reload, where the file's s3Multipart is kept (@uppy/golden-retriever does).

const MiB = 1024 * 1024;

/**
 * vodkit returns the options of AwsS3 for a service whose upload.Handler is at the URL assets.
 * partSize is in bytes, at least 5 MiB. patience is for how many milliseconds a service that
 * does not answer is asked again. complete is called with Uppy's file and the asset.
 */
export function vodkit(assets, { partSize = 16 * MiB, patience = 60_000, headers = {}, complete = () => {} } = {}) {
  const files = new Map(); // what Uppy calls a key is the id of its file
  const plans = new Map(); // what it calls an upload id is the asset's

  // As the service cuts them: 1000 parts at most.
  const sizeOfParts = (size) => Math.max(partSize, Math.ceil(size / 1000 / MiB) * MiB);

  async function ask(method, path, body) {
    const end = Date.now() + patience;
    for (let wait = 200; ; wait = Math.min(2 * wait, 5000)) {
      const answer = await fetch(`${assets}/${path}`, {
        method, headers: body ? { ...headers, 'Content-Type': 'application/json' } : headers, body: body && JSON.stringify(body),
      }).catch(() => null); // the service is away
      if (answer?.ok) return answer.status === 204 ? null : answer.json().catch(() => null);
      if (answer && answer.status !== 429 && answer.status !== 503) throw new Error(await sentence(answer));
      if (Date.now() + wait > end) throw new Error(answer ? await sentence(answer) : 'The service does not answer.');
      await new Promise((resolve) => { setTimeout(resolve, wait); });
    }
  }

  const sentence = async (answer) => (await answer.json().catch(() => null))?.error?.message ?? answer.statusText;

  async function renew(id) {
    const plan = await ask('GET', `${id}/upload`);
    plans.set(id, plan);
    return plan;
  }

  const steps = {
    async begin(key) {
      const { name, size, type } = files.get(key);
      const plan = await ask('POST', 'presign', { name, size, type, part_size: sizeOfParts(size) });
      plans.set(plan.id, plan);
      return xml('InitiateMultipartUploadResult', `<UploadId>${plan.id}</UploadId>`);
    },
    async part(id, number) {
      const known = plans.get(id);
      const plan = known && Date.parse(known.expires) > Date.now() + 60_000 ? known : await renew(id);
      const { url, headers: signed } = plan.parts[number - 1];
      return { url: new URL(url, assets).href, headers: signed };
    },
    async list(id) {
      const { parts } = await renew(id);
      return xml('ListPartsResult', parts.map(({ stored }, i) => (stored ? `<Part><PartNumber>${i + 1}</PartNumber><ETag>stored</ETag></Part>` : '')).join(''));
    },
    async complete(id, key) {
      const asset = await ask('POST', `${id}/complete`);
      plans.delete(id);
      complete(files.get(key), asset);
      return xml('CompleteMultipartUploadResult', `<Location>${assets}/${id}</Location><Key>${id}</Key>`);
    },
    async abandon(id) {
      plans.delete(id);
      await ask('DELETE', `${id}/upload`);
      return xml('Abandoned', '');
    },
  };

  return {
    shouldUseMultipart: true,
    getChunkSize: ({ size }) => sizeOfParts(size),
    generateObjectKey: (file) => {
      files.set(file.id, file);
      return file.id;
    },
    signRequest: ({ method, key, uploadId, partNumber }) => {
      if (!uploadId) return steps.begin(key);
      switch (method) {
        case 'PUT': return steps.part(uploadId, partNumber);
        case 'GET': return steps.list(uploadId);
        case 'POST': return steps.complete(uploadId, key);
        default: return steps.abandon(uploadId);
      }
    },
  };
}

const xml = (name, text) => ({ url: `data:application/xml,${encodeURIComponent(`<${name}>${text}</${name}>`)}` });
