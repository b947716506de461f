import Link from 'next/link';

export default function NotFound() {
  return (
    <div className="p-6">
      <h1 className="text-lead font-semibold">There is no such page</h1>
      <p className="mt-2 text-muted">
        The pages are listed on the left. Start at the{' '}
        <Link href="/" className="text-accent underline">
          overview
        </Link>
        .
      </p>
    </div>
  );
}
