import { OverviewPage } from './_components/overview-page.tsx';

export default function Page() {
  return <OverviewPage />;
}
